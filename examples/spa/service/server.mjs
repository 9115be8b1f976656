/**
 * The notes of each user, in a service of its own. It verifies access tokens itself, without a request, and refuses a
 * revoked one at once. The notes are in memory only; a service of yours has a table.
 *
 * LATCHKEY_URL: the origin of Latchkey, which is the `iss` of its tokens
 * LATCHKEY_CLIENT_ID, LATCHKEY_CLIENT_SECRET: a client with the scope `revocations`
 * PAGE_ORIGIN: the origin of the page, if it is not that at which this service answers
 */
import { randomUUID } from 'node:crypto'
import cors from '@fastify/cors'
import { clientFromEnvironment, createVerifier } from '@latchkey/verifier'
import latchkey, { authenticate } from '@latchkey/verifier/fastify'
import Fastify from 'fastify'

const { LATCHKEY_URL: issuer = 'http://localhost:3000', PAGE_ORIGIN, PORT = '3001' } = process.env
const MAX_NOTES = 100

const client = clientFromEnvironment()
const verifier = createVerifier({ issuer, ...(client && { client }), name: 'notes' })

const app = Fastify()
if (PAGE_ORIGIN) {
  // Before the check of the token, so that the page can read a 401 too. The access token is in a header that the page
  // sets itself, so this service needs no cookies.
  await app.register(cors, {
    origin: PAGE_ORIGIN,
    methods: ['GET', 'POST', 'DELETE'],
    // @latchkey/client reads them.
    exposedHeaders: ['X-Token-Refresh-Required', 'WWW-Authenticate', 'Retry-After'],
    maxAge: 600,
  })
}
await app.register(latchkey, { verifier })
app.addHook('onClose', () => verifier.close())

/** The id of a user, and the notes, newest first. */
const notesOf = new Map()

const body = {
  type: 'object',
  required: ['text'],
  properties: { text: { type: 'string', minLength: 1, maxLength: 500 } },
}

app.get('/notes', { onRequest: authenticate }, async ({ principal }) => notesOf.get(principal.userId) ?? [])

app.post('/notes', { onRequest: authenticate, schema: { body } }, async ({ principal, body }, reply) => {
  const notes = notesOf.get(principal.userId) ?? []
  const note = { id: randomUUID(), text: body.text, created_at: new Date().toISOString() }
  notesOf.set(principal.userId, [note, ...notes].slice(0, MAX_NOTES))
  return reply.code(201).send(note)
})

app.delete('/notes/:id', { onRequest: authenticate }, async ({ principal, params }, reply) => {
  const notes = notesOf.get(principal.userId) ?? []
  const others = notes.filter(({ id }) => id !== params.id)
  if (others.length === notes.length) return reply.code(404).send({ code: 'not_found' })
  notesOf.set(principal.userId, others)
  return reply.code(204).send()
})

// Whether tokens can be verified now, for start.mjs and for a load balancer.
app.get('/ready', async (_request, reply) => {
  const { mode, state, isFresh } = verifier.status()
  return reply.code(isFresh ? 200 : 503).send({ mode, state })
})

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => app.close())
await app.listen({ port: Number(PORT) })
