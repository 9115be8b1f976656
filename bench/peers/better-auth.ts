import type { Contender, Measure } from '../contender.js'
import { eachOnce, repeated, request } from '../load/scenario.js'
import { PASSWORD, USER_AGENT } from '../service/seed.js'
import type { BenchStores } from '../stores/start.js'
import { startNodePeer } from './node-peer.js'

interface Revocable {
  token: string
  cookie: string
}

/** better-auth, with its cookie cache on or off. */
export async function startBetterAuth(stores: BenchStores, cookieCache: 'on' | 'off'): Promise<Contender> {
  const databaseUrl = await stores.createDatabase()
  const peer = await startNodePeer('better-auth/server.mjs', {
    DATABASE_URL: databaseUrl,
    REDIS_URL: stores.redis.url,
    REDIS_KEY_PREFIX: new URL(databaseUrl).pathname.slice(1),
    COOKIE_CACHE: cookieCache,
    PASSWORD,
  })
  const { port, pid, readyAfterMs, restMb, stop } = peer
  const agent = `User-Agent: ${USER_AGENT}`
  const json = ['Content-Type: application/json', `Origin: http://127.0.0.1:${port}`, agent]
  const withCookie = (cookie: string) => `Cookie: ${cookie}`
  const read: Measure = {
    operation: 'verify',
    name: 'GET /api/auth/get-session',
    measure: {
      async scenario() {
        const sessions = await peer.open<Revocable>('sessions', 1000)
        const requests = sessions.map(({ cookie }) =>
          request('GET', '/api/auth/get-session', [withCookie(cookie), agent]),
        )
        return repeated(requests)
      },
    },
  }
  return {
    name: `better-auth, cookie cache ${cookieCache}`,
    kind: 'peer',
    guarantees: {
      durable: 'users yes, sessions no',
      rotation: 'no refresh tokens',
      reuseFound: 'no',
      revokedAtOnce: cookieCache === 'on' ? 'after up to 5 min' : 'yes',
    },
    port,
    pid,
    readyAfterMs,
    restMb,
    stop,
    measures:
      cookieCache === 'on'
        ? [read]
        : [
            read,
            {
              operation: 'login',
              name: 'POST /api/auth/sign-in/email (scrypt)',
              measure: {
                async scenario() {
                  const body = (email: string) => JSON.stringify({ email, password: PASSWORD })
                  const emails = await peer.open<string>('emails', 1000)
                  const requests = emails.map(email => request('POST', '/api/auth/sign-in/email', json, body(email)))
                  return repeated(requests)
                },
              },
            },
            {
              operation: 'list',
              name: 'GET /api/auth/list-sessions',
              measure: {
                async scenario() {
                  const lists = await peer.open<Revocable>('lists', 1)
                  const requests = lists.map(({ cookie }) =>
                    request('GET', '/api/auth/list-sessions', [withCookie(cookie), agent]),
                  )
                  return repeated(requests)
                },
              },
            },
            {
              operation: 'revoke',
              name: 'POST /api/auth/revoke-session',
              measure: {
                atMost: 2500,
                async scenario(count) {
                  const sessions = await peer.open<Revocable>('revocable', count)
                  const requests = sessions.map(({ cookie, token }) =>
                    request(
                      'POST',
                      '/api/auth/revoke-session',
                      [withCookie(cookie), ...json],
                      JSON.stringify({ token }),
                    ),
                  )
                  return eachOnce(requests)
                },
              },
            },
            {
              operation: 'logout',
              name: 'POST /api/auth/sign-out',
              measure: {
                atMost: 2500,
                async scenario(count) {
                  const sessions = await peer.open<Revocable>('sessions', count)
                  const requests = sessions.map(({ cookie }) =>
                    request('POST', '/api/auth/sign-out', [withCookie(cookie), ...json], '{}'),
                  )
                  return eachOnce(requests)
                },
              },
            },
          ],
  }
}
