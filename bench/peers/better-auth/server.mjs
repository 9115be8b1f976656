import { createServer } from 'node:http'
import { redisStorage } from '@better-auth/redis-storage'
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { toNodeHandler } from 'better-auth/node'
import { Redis } from 'ioredis'
import pg from 'pg'
import { mapInParts, offer, range } from '../offer.mjs'

// better-auth as its documentation sets it up for many requests: users in Postgres, sessions in Redis, and the cookie cache
// on or off. https://better-auth.com/docs/guides/optimizing-for-performance

const { PORT, DATABASE_URL, REDIS_URL, REDIS_KEY_PREFIX, COOKIE_CACHE, PASSWORD } = process.env
const USERS = 1000
const USERS_WITH_LISTS = 200
const SESSIONS_IN_A_LIST = 5

const baseURL = `http://127.0.0.1:${PORT}`
const auth = betterAuth({
  baseURL,
  secret: 'a-secret-of-the-benchmark-and-of-nothing-else',
  database: new pg.Pool({ connectionString: DATABASE_URL, max: 10 }),
  secondaryStorage: redisStorage({ client: new Redis(REDIS_URL), keyPrefix: `${REDIS_KEY_PREFIX}:` }),
  emailAndPassword: { enabled: true },
  session: { cookieCache: { enabled: COOKIE_CACHE === 'on', maxAge: 300 } },
  rateLimit: { enabled: false },
  logger: { disabled: true },
  telemetry: { enabled: false },
})
await (await getMigrations(auth.options)).runMigrations()
const server = createServer(toNodeHandler(auth))
await new Promise(resolve => server.listen(PORT, '127.0.0.1', resolve))

const context = await auth.$context
let users
let lists

/** All users have the same password, so one hash serves them all. */
async function everyUser() {
  if (users) return users
  const password = await context.password.hash(PASSWORD)
  const addUser = async number => {
    const email = `person-${number}@example.com`
    const user = await context.internalAdapter.createUser({ email, name: 'Ada', emailVerified: true })
    await context.internalAdapter.linkAccount({
      userId: user.id,
      providerId: 'credential',
      accountId: user.id,
      password,
    })
    return user
  }
  users = await mapInParts(range(USERS), addUser)
  return users
}

/** As at a sign-in: the signed cookie of the session, and with the cookie cache that of its data. */
async function openSession(user) {
  const { token } = await context.internalAdapter.createSession(user.id)
  const key = await crypto.subtle.importKey(
    'raw',
    Buffer.from(context.secret),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['sign'],
  )
  const signature = Buffer.from(await crypto.subtle.sign('HMAC', key, Buffer.from(token))).toString('base64')
  const { name } = context.authCookies.sessionToken
  const cookie = `${name}=${encodeURIComponent(`${token}.${signature}`)}`
  if (COOKIE_CACHE !== 'on') return { token, cookie }
  const response = await auth.handler(new Request(`${baseURL}/api/auth/get-session`, { headers: { cookie } }))
  const set = response.headers.getSetCookie().map(each => each.split(';')[0])
  return { token, cookie: [cookie, ...set.filter(each => !each.startsWith(`${name}=`))].join('; ') }
}

offer({
  emails: async count => (await everyUser()).slice(0, count).map(({ email }) => email),
  sessions: async count => {
    const all = await everyUser()
    return mapInParts(range(count), at => openSession(all[at % all.length]))
  },
  /** One session of each of the users who have five. */
  lists: async () => {
    const all = (await everyUser()).slice(0, USERS_WITH_LISTS)
    if (!lists)
      // One after the other: two sign-ins of a user at the same time lose one of the sessions in its list in Redis.
      for (const _ of range(SESSIONS_IN_A_LIST)) lists = await mapInParts(all, openSession)
    return lists
  },
  /** Another session of a user, and the cookie of the session that revokes it. */
  revocable: async count => {
    const all = await everyUser()
    const staying = await mapInParts(all.slice(USERS_WITH_LISTS), openSession)
    return mapInParts(range(count), async at => {
      const number = at % staying.length
      const { token } = await openSession(all[USERS_WITH_LISTS + number])
      return { token, cookie: staying[number].cookie }
    })
  },
})
