/**
 * An Express service (4 or 5) whose users sign in at Latchkey. It verifies their access tokens itself, without a
 * request, and refuses a revoked one within a second.
 *
 *     node server.mjs
 *
 * LATCHKEY_ISSUER: the `iss` of the tokens; http://localhost:3000 by default
 * LATCHKEY_URL: where this service reaches Latchkey, if not at the issuer
 * LATCHKEY_CLIENT_ID, LATCHKEY_CLIENT_SECRET: a client with the scope `revocations`. Without them, a revoked token is
 *   accepted until it expires.
 */
import { createVerifier } from '@latchkey/verifier'
import { authenticate, requireRecentAuth, requireRole } from '@latchkey/verifier/express'
import express from 'express'

const { LATCHKEY_ISSUER: issuer = 'http://localhost:3000', LATCHKEY_URL: baseUrl = issuer, PORT = '3002' } = process.env
const { LATCHKEY_CLIENT_ID: id, LATCHKEY_CLIENT_SECRET: secret } = process.env

const verifier = createVerifier({
  issuer,
  baseUrl,
  // createVerifier refuses an id without a secret, and empty ones.
  ...((id ?? secret) !== undefined && { client: { id, secret }, name: 'express-service' }),
})

const app = express()

// For a load balancer: whether this service can verify tokens now.
app.get('/ready', (_request, response) => {
  const { mode, state, isFresh } = verifier.status()
  response.status(isFresh ? 200 : 503).json({ mode, state })
})

// Everything below is for signed-in users. A preflight has no token, so `cors()` would come before this line.
app.use(authenticate(verifier))

// The id of the user is what your tables refer to.
app.get('/me', (request, response) => {
  const { userId, sessionId, roles } = request.principal
  response.json({ user: userId, session: sessionId, roles })
})

// For users with the role; several roles mean one of them.
app.get('/reports', requireRole('accountant'), (_request, response) => {
  response.json({ reports: [] })
})

// For users who signed in within the last five minutes. Others must sign in again.
app.post('/payments', requireRecentAuth(300), (request, response) => {
  response.status(201).json({ payer: request.principal.userId })
})

// It can start before Latchkey: until the keys are there, it answers 503.
const server = app.listen(Number(PORT), () => console.log(`ready at http://localhost:${server.address().port}`))

for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, async () => {
    server.close()
    await verifier.close()
  })
