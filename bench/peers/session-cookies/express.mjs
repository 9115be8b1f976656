import { createHmac } from 'node:crypto'
import { RedisStore } from 'connect-redis'
import express from 'express'
import session from 'express-session'
import { createClient } from 'redis'
import { offer } from '../offer.mjs'
import { openSessions } from './open-sessions.mjs'
import { emails, findUser } from './users.mjs'

// express-session with connect-redis, with the settings of its documentation.

const { PORT, REDIS_URL, REDIS_KEY_PREFIX } = process.env
const SECRET = 'a-secret-of-the-benchmark-and-of-nothing-else'
const client = await createClient({ url: REDIS_URL }).connect()

const app = express()
app.use(express.json())
app.use(
  session({
    store: new RedisStore({ client, prefix: `${REDIS_KEY_PREFIX}:` }),
    resave: false,
    saveUninitialized: false,
    secret: SECRET,
    cookie: { maxAge: 604_800_000 },
  }),
)

app.post('/login', async (request, response) => {
  const user = await findUser(request.body.email, request.body.password)
  if (!user) return response.status(401).json({ error: 'wrong' })
  request.session.user = user
  response.json(user)
})

app.get('/me', (request, response) => {
  const { user } = request.session
  response.status(user ? 200 : 401).json(user ?? { error: 'signed out' })
})

app.post('/logout', (request, response, next) => {
  if (!request.session.user) return response.status(401).json({ error: 'signed out' })
  request.session.destroy(error => (error ? next(error) : response.status(204).end()))
})

await new Promise(resolve => app.listen(Number(PORT), '127.0.0.1', resolve))
const sign = id => `s:${id}.${createHmac('sha256', SECRET).update(id).digest('base64').replace(/=+$/, '')}`
offer({
  emails: async count => emails.slice(0, count),
  sessions: openSessions(client, REDIS_KEY_PREFIX, id => `connect.sid=${encodeURIComponent(sign(id))}`),
})
