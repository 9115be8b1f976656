import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { clientToken, makeClient } from '../support/clients.js'
import { until } from '../support/eventually.js'
import { get, PASSWORD, post, signUp, verify } from '../support/people.js'

const SESSIONS = '/api/users/me/sessions'
const NO_ACCOUNT = { detail: 'No active account found for the given token.' }
const BLACKLISTED = { detail: 'Token is blacklisted', code: 'token_not_valid' }
const CHANGES = [
  ['DELETE', '', { detail: 'User not found', code: 'user_not_found' }],
  ['POST', '/disable', { detail: 'User is inactive', code: 'user_inactive' }],
] as const

async function signUpForTokens(app: FastifyInstance) {
  const ada = await signUp(app)
  const tokens = (await post(app, '/api/token/', { username: ada.email, password: PASSWORD })).json()
  return { ...ada, ...tokens } as typeof ada & { access: string; refresh: string }
}

t.test('tokens of a deleted or disabled account are refused with the status and body of Simple JWT', async t => {
  const { app, another, stores } = await buildTestApp(t)
  const { app: other } = await another()
  const authorization = `Bearer ${await clientToken(app, await makeClient(app, 'admin'))}`
  for (const [method, path, words] of CHANGES) {
    const ada = await signUpForTokens(app)
    t.equal((await get(other, SESSIONS, ada.access)).statusCode, 200)
    const changed = await app.inject({ method, url: `/admin/users/${ada.userId}${path}`, headers: { authorization } })
    t.equal(changed.statusCode, 204)

    const before = stores.db.statementsSent
    const refused = await get(app, SESSIONS, ada.access)
    t.equal(refused.statusCode, 401)
    t.strictSame(refused.json(), words)
    t.equal(refused.headers['www-authenticate'], 'Bearer realm="api"')
    t.equal(stores.db.statementsSent, before, 'without a query to a store')
    await until(async () => (await get(other, SESSIONS, ada.access)).statusCode === 401)
    t.strictSame(
      (await get(other, SESSIONS, ada.access)).json(),
      words,
      'on another instance as soon as it receives the revocation',
    )

    for (const [url, field] of [
      ['/api/token/refresh/', 'refresh'],
      ['/api/token/verify/', 'token'],
      ['/api/token/blacklist/', 'refresh'],
    ] as const) {
      const answer = await post(app, url, { [field]: ada.refresh })
      t.equal(answer.statusCode, 401)
      t.strictSame(answer.json(), NO_ACCOUNT, url)
    }
    const verified = await post(app, '/api/token/verify/', { token: ada.access })
    t.match(verified.json(), BLACKLISTED, 'this endpoint of Simple JWT does not look up the user')

    t.equal(await verify(app, ada.access), 'token_revoked', 'our own routes have our own codes')
    t.strictSame((await get(app, SESSIONS, ada.accessToken)).json(), words, 'a token from /auth too')
    const native = (await post(app, '/auth/refresh', { refresh_token: ada.refresh })).json()
    t.equal(native.code, path === '' ? 'session_revoked' : 'user_disabled')
  }
})

t.test('an instance that starts after an account was deleted answers user_not_found to its tokens', async t => {
  const { app, another } = await buildTestApp(t)
  const authorization = `Bearer ${await clientToken(app, await makeClient(app, 'admin'))}`
  const ada = await signUpForTokens(app)
  await app.inject({ method: 'DELETE', url: `/admin/users/${ada.userId}`, headers: { authorization } })
  const { app: later } = await another()
  t.match((await get(later, SESSIONS, ada.access)).json(), { code: 'user_not_found' })
})

t.test('a revoked session is reported as a blacklisted token while its account still exists', async t => {
  const { app, clock, database } = await buildTestApp(t)
  const authorization = `Bearer ${await clientToken(app, await makeClient(app, 'admin'))}`
  const ada = await signUpForTokens(app)
  const url = `/admin/users/${ada.userId}/sessions`
  t.equal((await app.inject({ method: 'DELETE', url, headers: { authorization } })).statusCode, 204)
  t.match((await get(app, SESSIONS, ada.access)).json(), { code: 'token_not_valid' })
  t.strictSame((await post(app, '/api/token/refresh/', { refresh: ada.refresh })).json(), BLACKLISTED)

  // As the clean-up does with old sessions.
  await clock.advance(32 * 24 * 60 * 60)
  await database.admin`delete from sessions where user_id = ${ada.userId}`
  t.strictSame((await post(app, '/api/token/refresh/', { refresh: ada.refresh })).json(), BLACKLISTED)
})
