import type { Contender } from '../contender.js'
import { eachOnce, repeated, request } from '../load/scenario.js'
import { PASSWORD, USER_AGENT } from '../service/seed.js'
import type { BenchStores } from '../stores/start.js'
import { startNodePeer } from './node-peer.js'

const SESSIONS = 5000
const USERS = 1000

/** A session in Redis behind a cookie: @fastify/session or express-session. */
export async function startSessionCookies(
  stores: BenchStores,
  library: '@fastify/session' | 'express-session',
): Promise<Contender> {
  const databaseUrl = await stores.createDatabase()
  const program = library === 'express-session' ? 'express.mjs' : 'fastify.mjs'
  const peer = await startNodePeer(`session-cookies/${program}`, {
    DATABASE_URL: databaseUrl,
    REDIS_URL: stores.redis.url,
    REDIS_KEY_PREFIX: new URL(databaseUrl).pathname.slice(1),
    PASSWORD,
  })
  const { port, pid, readyAfterMs, restMb, stop } = peer
  const agent = `User-Agent: ${USER_AGENT}`
  const requestsOf = async (count: number, method: string, path: string) =>
    (await peer.open<string>('sessions', count)).map(cookie => request(method, path, [`Cookie: ${cookie}`, agent]))
  return {
    name: `${library} with connect-redis`,
    kind: 'peer',
    guarantees: {
      durable: 'no',
      rotation: 'no refresh tokens',
      reuseFound: 'no',
      revokedAtOnce: 'yes',
    },
    port,
    pid,
    readyAfterMs,
    restMb,
    stop,
    measures: [
      {
        operation: 'verify',
        name: 'a route that reads the session',
        measure: {
          scenario: async () => repeated(await requestsOf(SESSIONS, 'GET', '/me')),
        },
      },
      {
        operation: 'login',
        name: 'a route that checks argon2id',
        measure: {
          async scenario() {
            const emails = await peer.open<string>('emails', USERS)
            const body = (email: string) => JSON.stringify({ email, password: PASSWORD })
            const headers = ['Content-Type: application/json', agent]
            return repeated(emails.map(email => request('POST', '/login', headers, body(email))))
          },
        },
      },
      {
        operation: 'logout',
        name: 'a route that destroys the session',
        measure: {
          atMost: 15_000,
          scenario: async count => eachOnce(await requestsOf(count, 'POST', '/logout')),
        },
      },
    ],
  }
}
