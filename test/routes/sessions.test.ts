import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { get, post, refresh, signIn, signUp, verify } from '../support/people.js'

const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0'
const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1'

t.test('a user’s sessions are listed newest first, with one SQL statement', async t => {
  const { app, stores } = await buildTestApp(t)
  const ada = await signUp(app)
  const laptop = await signIn(app, ada.email, FIREFOX)
  const phone = await signIn(app, ada.email, IPHONE)
  await signUp(app)

  const before = stores.db.statementsSent
  const headers = { authorization: `Bearer ${laptop.accessToken}`, 'user-agent': FIREFOX }
  const list = (await app.inject({ method: 'GET', url: '/auth/sessions', headers })).json()
  t.equal(stores.db.statementsSent, before + 1)
  t.strictSame(
    list.map(({ id }: { id: string }) => id),
    [phone.sessionId, laptop.sessionId, ada.sessionId],
  )
  t.match(list[0], {
    current: false,
    device: { browser: 'Safari', os: 'iOS', kind: 'mobile' },
    label: null,
    ip: '127.0.0.1',
    location: null,
    is_active: true,
  })
  t.match(list[1], { current: true, device: { browser: 'Firefox', os: 'Windows', kind: 'desktop' } })
  t.notMatch(JSON.stringify(list), /lk_rt_|eyJ/, 'the list contains ids, never tokens')
})

t.test('last_active_at is updated by the requests of a session', async t => {
  const { app, clock } = await buildTestApp(t)
  const ada = await signUp(app)
  await clock.advance(300)
  await get(app, '/auth/verify', ada.accessToken)
  const [session] = (await get(app, '/auth/sessions', ada.accessToken)).json()
  const idleMs = clock.now() - Date.parse(session.last_active_at)
  t.ok(Math.abs(idleMs) < 60_000, `${idleMs} ms`)
  await app.context.activity.flush()
  t.equal((await app.context.activity.lastSeen([ada.sessionId])).size, 1, 'the activity reaches the store')
})

t.test('an expired session is not listed', async t => {
  const { app, clock } = await buildTestApp(t)
  const ada = await signUp(app)
  await clock.advance(7 * 24 * 60 * 60 + 1)
  const again = await signIn(app, ada.email)
  const list = (await get(app, '/auth/sessions', again.accessToken)).json()
  t.strictSame(
    list.map(({ id }: { id: string }) => id),
    [again.sessionId],
  )
})

t.test('a user can set and remove the label of their own session', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const label = async (payload: object, token = ada.accessToken) =>
    app.inject({
      method: 'PATCH',
      url: `/auth/sessions/${ada.sessionId}`,
      payload,
      headers: { authorization: `Bearer ${token}` },
    })
  const listed = async () => (await get(app, '/auth/sessions', ada.accessToken)).json()[0].label
  t.equal((await label({ label: 'Küche 🍳' })).statusCode, 204)
  t.equal(await listed(), 'Küche 🍳')
  t.equal((await label({ label: null })).statusCode, 204)
  t.equal(await listed(), null)
  t.equal((await label({ label: '' })).statusCode, 400)
  t.equal((await label({ label: 'a\u0000b' })).statusCode, 400)
  for (const hidden of [' ', '\u200b\u200b', 'abc\u202egnp.exe', 'a\u2066b'])
    t.equal((await label({ label: hidden })).statusCode, 400, 'a name that cannot be seen as it is')
  t.equal((await label({ label: 'Familie 👨‍👩‍👧' })).statusCode, 204)
  const eve = await signUp(app)
  t.equal((await label({ label: 'mine' }, eve.accessToken)).statusCode, 404, 'another user’s session is not found')
})

t.test('a revoked session has no valid access token or refresh token and is not listed', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const lost = await signIn(app, ada.email)
  const revoke = (id: string, token: string) =>
    app.inject({ method: 'DELETE', url: `/auth/sessions/${id}`, headers: { authorization: `Bearer ${token}` } })

  t.equal((await revoke(lost.sessionId, ada.accessToken)).statusCode, 204)
  t.equal(await verify(app, lost.accessToken), 'token_revoked')
  t.equal((await refresh(app, lost.refreshToken)).json().code, 'session_revoked')
  t.equal((await get(app, '/auth/sessions', ada.accessToken)).json().length, 1)
  t.equal((await revoke(lost.sessionId, ada.accessToken)).json().code, 'session_not_found', 'it was already revoked')

  const eve = await signUp(app)
  t.equal((await revoke(ada.sessionId, eve.accessToken)).json().code, 'session_not_found')
  t.equal(await verify(app, ada.accessToken), 200, 'another user cannot revoke the session')
})

t.test('DELETE /auth/sessions/others revokes all other sessions of the user and keeps the current one', async t => {
  const { app, database } = await buildTestApp(t)
  const ada = await signUp(app)
  const others = await Promise.all([signIn(app, ada.email), signIn(app, ada.email)])
  const eve = await signUp(app)
  const response = await app.inject({
    method: 'DELETE',
    url: '/auth/sessions/others',
    headers: { authorization: `Bearer ${ada.accessToken}` },
  })
  t.equal(response.statusCode, 204)
  for (const other of others) {
    t.equal(await verify(app, other.accessToken), 'token_revoked')
    t.equal((await refresh(app, other.refreshToken)).statusCode, 401)
  }
  t.equal(await verify(app, ada.accessToken), 200)
  t.equal((await refresh(app, ada.refreshToken)).statusCode, 200)
  t.equal(await verify(app, eve.accessToken), 200)
  const [events] = await database.admin`
    select count(*)::int from security_events where type = 'session_revoked' and user_id = ${ada.userId}`
  t.equal(events!.count, 2, 'each revoked session has an event')
})

t.test('listing sessions requires an access token', async t => {
  const { app } = await buildTestApp(t)
  t.equal((await app.inject('/auth/sessions')).json().code, 'authentication_required')
  t.equal((await post(app, '/auth/sessions', {})).statusCode, 405)
})
