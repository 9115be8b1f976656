import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { asClient, signUpAdmin } from '../support/clients.js'
import { get, post, refresh, signIn, signUp, verify } from '../support/people.js'
import { payloadOf } from './forger.js'

const DAY = 24 * 60 * 60

t.test('no access token expires after the absolute end of its session', async t => {
  const { app, clock, database } = await buildTestApp(t, {
    JWT_EXPIRES_IN: '15m',
    SESSION_MAX_AGE: '7d',
    ACCESS_COOKIE: 'on',
  })
  const ada = await signUp(app)
  const [session] = await database.admin`select extract(epoch from expires_at)::float8 as end from sessions`
  await clock.advance(7 * DAY - 120)
  const response = await refresh(app, ada.refreshToken)
  const { access_token, expires_in } = response.json()
  const { iat, exp } = payloadOf(access_token) as { iat: number; exp: number }
  t.equal(exp, Math.floor(session!.end))
  t.equal(expires_in, exp - iat, 'expires_in says so')
  t.ok(expires_in > 60 && expires_in <= 120)
  await clock.advance(121)
  t.equal(await verify(app, access_token), 'token_expired')
})

t.test('no access token expires after the idle end of its session', async t => {
  const { app, clock, database } = await buildTestApp(t, { JWT_EXPIRES_IN: '15m', JWT_REFRESH_EXPIRES_IN: '1h' })
  const ada = await signUp(app)
  await refresh(app, ada.refreshToken)
  await clock.advance(59 * 60)
  const late = (await refresh(app, ada.refreshToken)).json()
  const [row] = await database.admin`select extract(epoch from expires_at)::float8 as end from refresh_tokens`
  t.equal(payloadOf(late.access_token).exp, Math.floor(row!.end), 'a late replay does not extend the idle time')
  t.ok(late.expires_in <= 60)
})

t.test('an expired session can be neither labelled nor revoked, and its history stays correct', async t => {
  const { app, clock, database } = await buildTestApp(t, { JWT_REFRESH_EXPIRES_IN: '7d', SESSION_MAX_AGE: '30d' })
  const ada = await signUp(app)
  await clock.advance(8 * DAY)
  const { accessToken, sessionId } = await signIn(app, ada.email)
  const bearer = { authorization: `Bearer ${accessToken}` }
  const admin = await asClient(app, 'admin')
  const send = (method: 'PATCH' | 'DELETE', url: string, headers: Record<string, string>, payload?: object) =>
    app.inject({ method, url, headers, ...(payload && { payload }) })

  const url = `/auth/sessions/${ada.sessionId}`
  t.equal((await send('PATCH', url, bearer, { label: 'mine' })).json().code, 'session_not_found')
  t.equal((await send('DELETE', url, bearer)).json().code, 'session_not_found')
  t.equal((await send('DELETE', `/api/users/me/sessions/${ada.sessionId}`, bearer)).statusCode, 404)
  const byAdmin = `/admin/users/${ada.userId}/sessions/${ada.sessionId}`
  t.equal((await send('DELETE', byAdmin, admin)).json().code, 'session_not_found')

  // Requests that revoke many sessions do not touch the expired one.
  t.equal((await send('DELETE', '/auth/sessions/others', bearer)).statusCode, 204)
  t.equal((await post(app, '/auth/logout', { refresh_token: ada.refreshToken })).statusCode, 204)
  t.equal((await post(app, '/auth/logout', { scope: 'all' }, bearer)).statusCode, 204)
  const [row] = await database.admin`select revoked_at, label from sessions where id = ${ada.sessionId}`
  t.same(row, { revoked_at: null, label: null })
  const [ended] = await database.admin`select revoke_reason as reason from sessions where id = ${sessionId}`
  t.equal(ended!.reason, 'logout_all')

  const { events } = (await get(app, '/auth/events', (await signIn(app, ada.email)).accessToken)).json()
  const ofSession = events.filter((event: { session_id: string }) => event.session_id === ada.sessionId)
  t.strictSame(
    ofSession.map((event: { type: string }) => event.type),
    ['session_expired', 'registered'],
  )
})

t.test('an administrator’s changes of an account do not revoke its expired sessions', async t => {
  const { app, clock, database } = await buildTestApp(t, { JWT_REFRESH_EXPIRES_IN: '7d', SESSION_MAX_AGE: '30d' })
  const ada = await signUpAdmin(app)
  await clock.advance(8 * DAY)
  const admin = await asClient(app, 'admin')
  const send = (path: string, payload: object) => app.inject({ method: 'POST', url: path, payload, headers: admin })
  for (const path of ['disable', 'enable', 'temporary-password'])
    t.ok((await send(`/admin/users/${ada.userId}/${path}`, {})).statusCode < 300)
  t.equal((await send('/admin/revocations', { role: 'admin' })).statusCode, 204)
  t.equal((await send('/admin/revocations', { client_id: 'latchkey' })).statusCode, 204)
  const rows = await database.admin`select revoked_at from sessions where user_id = ${ada.userId}`
  t.ok(rows.every(({ revoked_at }) => revoked_at === null))
})
