import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { get, PASSWORD, post, refresh, refreshed, signIn, signUp, verify } from '../support/people.js'

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

t.test('logging out with an access token revokes the access token and the refresh token', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const other = await signIn(app, ada.email)
  t.equal((await post(app, '/auth/logout', {}, bearer(ada.accessToken))).statusCode, 204)
  t.equal(await verify(app, ada.accessToken), 'token_revoked')
  t.equal((await refresh(app, ada.refreshToken)).json().code, 'session_revoked')
  t.equal(await verify(app, other.accessToken), 200)
})

t.test('logging out needs no body', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const response = await app.inject({ method: 'POST', url: '/auth/logout', headers: bearer(ada.accessToken) })
  t.equal(response.statusCode, 204)
})

t.test('logging out with the refresh cookie clears it with the attributes with which it was set', async t => {
  const { app } = await buildTestApp(t)
  const payload = { email: 'ada@example.com', password: PASSWORD }
  const [set] = (await app.inject({ method: 'POST', url: '/auth/register', payload })).cookies
  const response = await app.inject({ method: 'POST', url: '/auth/logout', cookies: { [set!.name]: set!.value } })
  t.equal(response.statusCode, 204)
  const [cleared] = response.cookies
  const { value, maxAge, expires, ...attributes } = cleared as typeof set & object
  t.equal(value, '')
  t.equal(maxAge, 0)
  const { value: _value, maxAge: _maxAge, expires: _expires, ...asSet } = set as typeof set & object
  t.strictSame(attributes, asSet)
  const again = await app.inject({ method: 'POST', url: '/auth/refresh', cookies: { [set!.name]: set!.value } })
  t.equal(again.json().code, 'session_revoked')
  t.match(
    again.cookies,
    [{ name: set!.name, value: '', maxAge: 0 }],
    'a later refresh with the old cookie clears it too',
  )
})

t.test('logging out of a revoked session succeeds', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  await post(app, '/auth/logout', { refresh_token: ada.refreshToken })
  t.equal((await post(app, '/auth/logout', { refresh_token: ada.refreshToken })).statusCode, 204)
  t.equal((await post(app, '/auth/logout', {}, bearer(ada.accessToken))).statusCode, 204)
})

t.test('logging out without a valid token is refused', async t => {
  const { app } = await buildTestApp(t)
  t.equal((await post(app, '/auth/logout', {})).json().code, 'authentication_required')
  t.equal((await post(app, '/auth/logout', { refresh_token: 'lk_rt_made-up' })).json().code, 'refresh_token_invalid')
  t.equal((await post(app, '/auth/logout', {}, bearer('made.up.token'))).json().code, 'token_invalid')
})

t.test('logging out with scope "all" revokes every session, and the user can sign in again', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const other = await signIn(app, ada.email)
  t.equal((await post(app, '/auth/logout', { scope: 'all' }, bearer(ada.accessToken))).statusCode, 204)
  for (const person of [ada, other]) {
    t.equal(await verify(app, person.accessToken), 'token_revoked')
    t.equal((await refresh(app, person.refreshToken)).statusCode, 401)
  }
  const again = await signIn(app, ada.email)
  t.equal(await verify(app, again.accessToken), 200, 'a later session is valid')
})

t.test('logging out with scope "others" keeps the current session and its cookie', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const other = await signIn(app, ada.email)
  const response = await post(app, '/auth/logout', { scope: 'others', refresh_token: ada.refreshToken })
  t.equal(response.statusCode, 204)
  t.strictSame(response.cookies, [])
  t.equal(await verify(app, other.accessToken), 'token_revoked')
  t.equal(await verify(app, ada.accessToken), 200)
})

t.test('an expired access token can log out only its own session', async t => {
  const { app, clock } = await buildTestApp(t)
  const ada = await signUp(app)
  const other = await signIn(app, ada.email)
  await clock.advance(16 * 60)
  for (const scope of ['others', 'all'])
    t.equal((await post(app, '/auth/logout', { scope }, bearer(ada.accessToken))).json().code, 'live_token_required')
  t.equal((await post(app, '/auth/logout', {}, bearer(ada.accessToken))).statusCode, 204)
  t.equal((await refresh(app, ada.refreshToken)).json().code, 'session_revoked')
  t.equal((await refresh(app, other.refreshToken)).statusCode, 200)
})

t.test('a superseded refresh token can log out only its own session', async t => {
  const { app, clock } = await buildTestApp(t)
  const ada = await signUp(app)
  const other = await signIn(app, ada.email)
  await clock.advance(31)
  const next = await refreshed(app, ada.refreshToken)
  await clock.advance(31)
  for (const scope of ['others', 'all']) {
    const response = await post(app, '/auth/logout', { scope, refresh_token: ada.refreshToken })
    t.equal(response.json().code, 'live_token_required')
  }
  t.equal((await post(app, '/auth/logout', { refresh_token: ada.refreshToken })).statusCode, 204)
  t.equal((await refresh(app, next)).json().code, 'session_revoked')
  t.equal((await refresh(app, other.refreshToken)).statusCode, 200)
})

t.test('a valid refresh token with an expired access token can log out everywhere', async t => {
  const { app, clock } = await buildTestApp(t)
  const ada = await signUp(app)
  const other = await signIn(app, ada.email)
  await clock.advance(16 * 60)
  const credentials = { scope: 'all', refresh_token: ada.refreshToken }
  t.equal((await post(app, '/auth/logout', credentials, bearer(ada.accessToken))).statusCode, 204)
  t.equal((await refresh(app, other.refreshToken)).statusCode, 401)
})

t.test('a logout without a scope uses LOGOUT_SCOPE', async t => {
  const { app } = await buildTestApp(t, { LOGOUT_SCOPE: 'all' })
  const ada = await signUp(app)
  const other = await signIn(app, ada.email)
  await post(app, '/auth/logout', {}, bearer(ada.accessToken))
  t.equal(await verify(app, other.accessToken), 'token_revoked')
})

t.test('a revoked access token stays revoked after a restart', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const bob = await signUp(test.app)
  await post(test.app, '/auth/logout', {}, bearer(ada.accessToken))
  const restarted = await test.another()
  t.equal(await verify(restarted.app, ada.accessToken), 'token_revoked')
  t.equal((await get(restarted.app, '/auth/profile', bob.accessToken)).statusCode, 200)
})

t.test('a valid refresh token logs out even beside an invalid access token', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const response = await post(app, '/auth/logout', { refresh_token: ada.refreshToken }, bearer('made.up.token'))
  t.equal(response.statusCode, 204)
  t.equal((await refresh(app, ada.refreshToken)).json().code, 'session_revoked')
})

t.test('signing out of a session whose row a failover lost revokes its access token', async t => {
  const { app, database } = await buildTestApp(t)
  const [ada, bob] = [await signUp(app), await signUp(app)]
  const entries = async () => (await database.admin`select count(*)::int as n from revocations`)[0]!.n
  await database.admin`delete from sessions where id in ${database.admin([ada.sessionId, bob.sessionId])}`
  t.equal((await post(app, '/auth/logout', { refresh_token: ada.refreshToken })).statusCode, 204)
  t.equal((await post(app, '/auth/logout', {}, bearer(bob.accessToken))).statusCode, 204)
  for (const { accessToken } of [ada, bob]) t.equal(await verify(app, accessToken), 'token_revoked')
  t.equal(await entries(), 2)
  t.equal((await post(app, '/auth/logout', { refresh_token: ada.refreshToken })).statusCode, 204)
  t.equal((await post(app, '/auth/logout', {}, bearer(bob.accessToken))).statusCode, 204)
  t.equal(await entries(), 2, 'once')
})

t.test('signing out of an old session that was removed writes nothing', async t => {
  const { app, clock, database } = await buildTestApp(t)
  const ada = await signUp(app)
  await database.admin`delete from sessions where id = ${ada.sessionId}`
  await clock.advance(3 * 60 * 60)
  t.equal((await post(app, '/auth/logout', { refresh_token: ada.refreshToken })).statusCode, 204)
  const [row] = await database.admin`select count(*)::int as n from revocations`
  t.equal(row!.n, 0)
})
