import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { get, post, refreshed, signIn, signUp, verify } from './people.js'

/** A user signs up, signs in twenty times at once, refreshes, lists, revokes and signs out. Checks every answer. */
export async function signInAndOut(t: Test, app: FastifyInstance): Promise<void> {
  const ada = await signUp(app)
  const signIns = await Promise.all(Array.from({ length: 20 }, () => signIn(app, ada.email)))
  t.equal(new Set(signIns.map(({ sessionId }) => sessionId)).size, 20)

  await refreshed(app, ada.refreshToken)
  const sessions = (await get(app, '/auth/sessions', ada.accessToken)).json() as Record<string, string>[]
  t.equal(sessions.length, 21)
  for (const { created_at } of sessions) {
    const ageMs = Date.now() - Date.parse(created_at!)
    t.ok(ageMs > -1000 && ageMs < 60_000, `created at ${created_at}`)
  }

  const [revoked, left] = signIns
  const headers = { authorization: `Bearer ${ada.accessToken}` }
  const url = `/auth/sessions/${revoked!.sessionId}`
  t.equal((await app.inject({ method: 'DELETE', url, headers })).statusCode, 204)
  t.equal(await verify(app, revoked!.accessToken), 'token_revoked')
  t.equal((await post(app, '/auth/logout', { refresh_token: left!.refreshToken })).statusCode, 204)
  t.equal(await verify(app, left!.accessToken), 'token_revoked')
  t.equal((await post(app, '/auth/refresh', { refresh_token: left!.refreshToken })).statusCode, 401)
  t.equal(await verify(app, ada.accessToken), 200)
}
