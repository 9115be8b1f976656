/**
 * A Fastify service whose users sign in at Latchkey. It verifies their access tokens itself, without a request, and
 * refuses a revoked one within a second.
 *
 *     node server.mjs
 *
 * LATCHKEY_ISSUER: the `iss` of the tokens; http://localhost:3000 by default
 * LATCHKEY_URL: where this service reaches Latchkey, if not at the issuer
 * LATCHKEY_CLIENT_ID, LATCHKEY_CLIENT_SECRET: a client with the scope `revocations`. Without them, a revoked token is
 *   accepted until it expires.
 */
import { createVerifier } from '@latchkey/verifier'
import latchkey, { authenticate, requireRecentAuth, requireRole } from '@latchkey/verifier/fastify'
import Fastify from 'fastify'

const { LATCHKEY_ISSUER: issuer = 'http://localhost:3000', LATCHKEY_URL: baseUrl = issuer, PORT = '3001' } = process.env
const { LATCHKEY_CLIENT_ID: id, LATCHKEY_CLIENT_SECRET: secret } = process.env

const verifier = createVerifier({
  issuer,
  baseUrl,
  // createVerifier refuses an id without a secret, and empty ones.
  ...((id ?? secret) !== undefined && { client: { id, secret }, name: 'fastify-service' }),
})

const app = Fastify()
app.register(latchkey, { verifier })
app.addHook('onClose', () => verifier.close())

// For signed-in users. The id of the user is what your tables refer to.
app.get('/me', { onRequest: authenticate }, async ({ principal }) => ({
  user: principal.userId,
  session: principal.sessionId,
  roles: principal.roles,
}))

// For users with the role; several roles mean one of them.
app.get('/reports', { onRequest: requireRole('accountant') }, async () => ({ reports: [] }))

// For users who signed in within the last five minutes. Others must sign in again.
app.post('/payments', { onRequest: requireRecentAuth(300) }, async ({ principal }, reply) =>
  reply.code(201).send({ payer: principal.userId }),
)

// For a load balancer: whether this service can verify tokens now.
app.get('/ready', async (_request, reply) => {
  const { mode, state, isFresh } = verifier.status()
  return reply.code(isFresh ? 200 : 503).send({ mode, state })
})

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => app.close())
// It can start before Latchkey: until the keys are there, it answers 503.
console.log(`ready at ${await app.listen({ port: Number(PORT) })}`)
