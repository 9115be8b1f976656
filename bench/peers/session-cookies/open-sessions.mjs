import { randomBytes } from 'node:crypto'
import { mapInParts, range } from '../offer.mjs'

const LIFETIME_SECONDS = 604_800

/**
 * Opens sessions as a sign-in leaves them in Redis.
 *
 * @param cookieOf - the signed cookie of a session id
 */
export function openSessions(client, prefix, cookieOf) {
  const cookie = { originalMaxAge: LIFETIME_SECONDS * 1000, httpOnly: true, path: '/', secure: false }
  return count =>
    mapInParts(range(count), async at => {
      const id = randomBytes(24).toString('base64url')
      const expires = new Date(Date.now() + LIFETIME_SECONDS * 1000)
      const stored = { cookie: { ...cookie, expires }, user: { id: at, email: `person-${at}@example.com` } }
      await client.set(`${prefix}:${id}`, JSON.stringify(stored), {
        expiration: { type: 'EX', value: LIFETIME_SECONDS },
      })
      return cookieOf(id)
    })
}
