import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  answerRefusal,
  authenticateRequest,
  refuseUpgrade,
  requireRecentAuth,
  requireRole,
} from '@latchkey/verifier/http'
import t, { type Test } from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { parseAnswer, rawRequest } from '../../support/raw-request.js'
import { sendTo } from './frameworks.js'
import { type OpenService, openService } from './open-service.js'

t.test('any object with a method and headers is a request', async t => {
  const { verifier, user } = await openService(t)
  const authorization = `Bearer ${user.accessToken}`
  t.match(await authenticateRequest(verifier, { headers: { authorization } }), { userId: user.userId })
  t.equal(await authenticateRequest(verifier, { headers: {} }, { optional: true }), undefined)
  await t.rejects(authenticateRequest(verifier, { headers: {} }), { code: 'authentication_required', status: 401 })

  const cookie = `access=${user.accessToken}`
  const origin = 'https://other.example'
  await t.rejects(
    authenticateRequest(verifier, { headers: { cookie, origin } }, { cookie: 'access' }),
    { code: 'cross_site_request' },
    'without a method, it may be one that changes something',
  )
})

t.test('requirements of a principal are checked by functions', async t => {
  const { verifier, user, forger } = await openService(t)
  const principal = await verifier.verify(forger.token({}, { roles: ['editor'], auth_time: 1_000_000_000 }))
  t.doesNotThrow(() => requireRole(principal, 'admin', 'editor'))
  t.throws(() => requireRole(principal, 'admin'), { code: 'insufficient_role', status: 403 })
  t.throws(() => requireRole(principal), TypeError)
  t.throws(() => requireRecentAuth(verifier, principal, 300), { code: 'insufficient_user_authentication', status: 401 })
  const recent = await verifier.verify(user.accessToken)
  t.doesNotThrow(() => requireRecentAuth(verifier, recent, 300))
})

t.test('a defect is answered with 500, which does not describe it', async t => {
  const server = createServer((_request, response) => answerRefusal(response, new Error('a secret')))
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const answer = await sendTo(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)('/')
  t.match(answer, { status: 500, body: { code: 'internal_error' } })
  t.notMatch(JSON.stringify(answer), /secret/)
})

/** A server that accepts WebSockets of signed-in users, and checks the token again for each message. */
async function serveWebSockets(t: Test, { verifier }: Pick<OpenService, 'verifier'>): Promise<number> {
  const sockets = new WebSocketServer({ noServer: true })
  const server = createServer()
  server.on('upgrade', async (request, socket, head) => {
    try {
      const { userId } = await authenticateRequest(verifier, request, { cookie: 'access' })
      sockets.handleUpgrade(request, socket, head, ws => {
        ws.on('message', () =>
          authenticateRequest(verifier, request, { cookie: 'access' }).then(
            () => ws.send(userId),
            error => ws.close(1008, error.code),
          ),
        )
      })
    } catch (error) {
      refuseUpgrade(socket, error)
    }
  })
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate()
    server.close()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}

t.test('a WebSocket is opened for a valid token, and closed when its token is not valid any more', async t => {
  const { verifier, user } = await openService(t)
  const port = await serveWebSockets(t, { verifier })
  const origin = `http://127.0.0.1:${port}`
  const ways: [what: string, headers: Record<string, string>][] = [
    ['the header', { authorization: `Bearer ${user.accessToken}` }],
    ['the cookie', { cookie: `access=${user.accessToken}`, origin }],
  ]
  const open: WebSocket[] = []
  for (const [what, headers] of ways) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { headers })
    await once(socket, 'open')
    socket.send('who am I?')
    const [message] = await once(socket, 'message')
    t.equal(String(message), user.userId, what)
    open.push(socket)
  }
  await verifier.close()
  for (const socket of open) {
    socket.send('who am I?')
    const [code, reason] = await once(socket, 'close')
    t.equal(code, 1008)
    t.equal(String(reason), 'closed')
  }
})

t.test(
  'a WebSocket without a valid token, or of a page of another site, gets an HTTP answer and is closed',
  async t => {
    const { verifier, user } = await openService(t)
    const port = await serveWebSockets(t, { verifier })
    const ask = async (...headers: string[]) =>
      parseAnswer(
        await rawRequest(
          port,
          [
            'GET /live HTTP/1.1',
            `Host: 127.0.0.1:${port}`,
            'Connection: Upgrade',
            'Upgrade: websocket',
            'Sec-WebSocket-Version: 13',
            'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
            ...headers,
            '\r\n',
          ].join('\r\n'),
        ),
      )
    const missing = await ask()
    t.match(missing, { status: 401, body: { code: 'authentication_required' } })
    t.match(missing.head, /www-authenticate: bearer/)
    t.match(missing.head, /connection: close/)
    const cookie = `Cookie: access=${user.accessToken}`
    const foreign = await ask(cookie, 'Origin: https://other.example')
    t.match(foreign, { status: 403, body: { code: 'cross_site_request' } })
    t.equal((await ask(cookie, 'Origin: null')).status, 403)
  },
)
