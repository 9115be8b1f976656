/**
 * A service on `node:http`, with a WebSocket, whose users sign in at Latchkey. It verifies their access tokens itself,
 * without a request, and refuses a revoked one within a second.
 *
 *     node server.mjs
 *
 * LATCHKEY_ISSUER: the `iss` of the tokens; http://localhost:3000 by default
 * LATCHKEY_URL: where this service reaches Latchkey, if not at the issuer
 * LATCHKEY_CLIENT_ID, LATCHKEY_CLIENT_SECRET: a client with the scope `revocations`. Without them, a revoked token is
 *   accepted until it expires.
 * ACCESS_COOKIE: the name of the access cookie, from which browsers open the WebSocket: they cannot send a header with it
 */
import { createServer } from 'node:http'
import { createVerifier } from '@latchkey/verifier'
import {
  answerRefusal,
  authenticateRequest,
  refuseUpgrade,
  requireRecentAuth,
  requireRole,
} from '@latchkey/verifier/http'
import { WebSocketServer } from 'ws'

const { LATCHKEY_ISSUER: issuer = 'http://localhost:3000', LATCHKEY_URL: baseUrl = issuer, PORT = '3003' } = process.env
const { LATCHKEY_CLIENT_ID: id, LATCHKEY_CLIENT_SECRET: secret, ACCESS_COOKIE: cookie } = process.env

const verifier = createVerifier({
  issuer,
  baseUrl,
  // createVerifier refuses an id without a secret, and empty ones.
  ...((id ?? secret) !== undefined && { client: { id, secret }, name: 'http-service' }),
})
const options = { ...(cookie && { cookie }) }

const routes = {
  // For a load balancer: whether this service can verify tokens now.
  'GET /ready': () => {
    const { mode, state, isFresh } = verifier.status()
    return [isFresh ? 200 : 503, { mode, state }]
  },
  // For signed-in users. The id of the user is what your tables refer to.
  'GET /me': async request => {
    const { userId, sessionId, roles } = await authenticateRequest(verifier, request, options)
    return [200, { user: userId, session: sessionId, roles }]
  },
  // For users with the role; several roles mean one of them.
  'GET /reports': async request => {
    requireRole(await authenticateRequest(verifier, request, options), 'accountant')
    return [200, { reports: [] }]
  },
  // For users who signed in within the last five minutes. Others must sign in again.
  'POST /payments': async request => {
    const principal = await authenticateRequest(verifier, request, options)
    requireRecentAuth(verifier, principal, 300)
    return [201, { payer: principal.userId }]
  },
}

const server = createServer(async (request, response) => {
  try {
    const route = routes[`${request.method} ${request.url.split('?')[0]}`]
    const [status, body] = route ? await route(request) : [404, { code: 'not_found' }]
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  } catch (error) {
    if (error.name !== 'VerifierError') console.error(error)
    answerRefusal(response, error)
  }
})

// ws://localhost:3003 sends each message back. The token is verified when the WebSocket is opened, and again for each
// message, because a WebSocket stays open after its token has expired or was revoked.
const sockets = new WebSocketServer({ noServer: true })
server.on('upgrade', async (request, socket, head) => {
  // The browser can leave while its token is verified.
  socket.on('error', () => socket.destroy())
  try {
    await authenticateRequest(verifier, request, options)
    sockets.handleUpgrade(request, socket, head, webSocket => {
      webSocket.on('error', console.error)
      webSocket.on('message', async message => {
        try {
          const { userId } = await authenticateRequest(verifier, request, options)
          webSocket.send(`${userId}: ${message}`)
        } catch (error) {
          // 1008: a policy was violated. The page gets a new token and opens another WebSocket.
          webSocket.close(1008, error.code)
        }
      })
    })
  } catch (error) {
    refuseUpgrade(socket, error)
  }
})

// It can start before Latchkey: until the keys are there, it answers 503.
server.listen(Number(PORT), () => console.log(`ready at http://localhost:${server.address().port}`))

for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, async () => {
    for (const webSocket of sockets.clients) webSocket.close(1001)
    server.close()
    await verifier.close()
  })
