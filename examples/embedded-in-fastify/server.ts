import Fastify from 'fastify'
import { createLatchkey } from 'latchkey'

const app = Fastify({ logger: { level: 'warn' } })

// The settings are environment variables. Without any, Latchkey starts its own Postgres in .latchkey.
const latchkey = await createLatchkey({ log: app.log })

// Serves /auth/register, /auth/login, /auth/refresh, /auth/logout and all other routes of Latchkey.
await app.register(latchkey.plugin)

const notes = new Map<string, string[]>()

app.get('/notes', { onRequest: latchkey.authenticate }, request => ({
  notes: notes.get(request.principal.userId) ?? [],
}))

app.post<{ Body: { text: string } }>(
  '/notes',
  {
    onRequest: latchkey.authenticate,
    schema: { body: { type: 'object', required: ['text'], properties: { text: { type: 'string' } } } },
  },
  (request, reply) => {
    const { userId } = request.principal
    notes.set(userId, [...(notes.get(userId) ?? []), request.body.text])
    return reply.code(201).send({ text: request.body.text })
  },
)

// For administrators of the application: signs a user out everywhere.
app.post<{ Params: { id: string } }>(
  '/users/:id/sign-out',
  { onRequest: latchkey.requireRole('admin') },
  async (request, reply) => {
    await latchkey.signOutUser(request.params.id, request.principal.userId)
    return reply.code(204).send()
  },
)

latchkey.on('registered', ({ userId }) => {
  if (userId !== undefined) notes.set(userId, ['Welcome!'])
})
latchkey.on('*', ({ type, userId, ip }) => console.log(`event ${type} of ${userId} from ${ip}`))

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void app.close())

await app.listen({ port: Number(process.env.PORT ?? 3000) })
console.log(`ready at ${app.listeningOrigin}`)
