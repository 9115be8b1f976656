import fastifyCookie, { Signer } from '@fastify/cookie'
import fastifySession from '@fastify/session'
import { RedisStore } from 'connect-redis'
import fastify from 'fastify'
import { createClient } from 'redis'
import { offer } from '../offer.mjs'
import { openSessions } from './open-sessions.mjs'
import { emails, findUser } from './users.mjs'

// @fastify/session with the store of connect-redis.

const { PORT, REDIS_URL, REDIS_KEY_PREFIX } = process.env
const SECRET = 'a-secret-of-the-benchmark-and-of-nothing-else'
const client = await createClient({ url: REDIS_URL }).connect()

const app = fastify()
app.register(fastifyCookie)
app.register(fastifySession, {
  secret: SECRET,
  store: new RedisStore({ client, prefix: `${REDIS_KEY_PREFIX}:` }),
  cookie: { secure: false, maxAge: 604_800_000 },
  saveUninitialized: false,
})

app.post('/login', async (request, reply) => {
  const user = await findUser(request.body.email, request.body.password)
  if (!user) return reply.code(401).send({ error: 'wrong' })
  request.session.user = user
  return user
})

app.get('/me', async (request, reply) => {
  const { user } = request.session
  return user ?? reply.code(401).send({ error: 'signed out' })
})

app.post('/logout', async (request, reply) => {
  if (!request.session.user) return reply.code(401).send({ error: 'signed out' })
  await request.session.destroy()
  return reply.code(204).send()
})

await app.listen({ host: '127.0.0.1', port: Number(PORT) })
const signer = new Signer(SECRET)
offer({
  emails: async count => emails.slice(0, count),
  sessions: openSessions(client, REDIS_KEY_PREFIX, id => `sessionId=${encodeURIComponent(signer.sign(id))}`),
})
