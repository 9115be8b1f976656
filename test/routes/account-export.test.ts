import t from 'tap'
import { disableUser, enableUser } from '../../src/domain/accounts/administer-users.js'
import { setMetadata } from '../../src/domain/accounts/user-data.js'
import { buildTestApp } from '../support/build-test-app.js'
import { get, PASSWORD, post, signIn, signUp } from '../support/people.js'

const exported = (app: Parameters<typeof get>[0], accessToken: string) => get(app, '/auth/profile/export', accessToken)

t.test('a user gets the account, the sessions and the events in one document', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const phone = await signIn(app, ada.email, 'Mozilla/5.0 (Android 16; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0')
  await app.inject({
    method: 'PATCH',
    url: `/auth/sessions/${phone.sessionId}`,
    headers: { authorization: `Bearer ${ada.accessToken}` },
    payload: { label: 'my phone' },
  })
  const answer = await exported(app, ada.accessToken)
  t.equal(answer.statusCode, 200)
  t.match(answer.headers, {
    'content-type': 'application/json; charset=utf-8',
    'content-disposition': /^attachment; filename="account-\d{4}-\d\d-\d\d\.json"$/,
    'cache-control': 'no-store',
  })
  const sessions = (await get(app, '/auth/sessions', ada.accessToken)).json()
  const { events } = (await get(app, '/auth/events?limit=100', ada.accessToken)).json()
  const body = answer.json()
  t.match(body.account, { id: ada.userId, email: ada.email, email_verified: false, roles: [], claims: {} })
  t.same(
    body.sessions.map(({ id, label }: { id: string; label: string }) => [id, label]),
    [
      [phone.sessionId, 'my phone'],
      [ada.sessionId, null],
    ],
  )
  t.same(Object.keys(body.sessions[0]), Object.keys(sessions[0]))
  t.same(body.events, events)
  t.equal(events[0].type, 'account_exported')
})

t.test('an export has no hash, no token and no note of the application', async t => {
  const { app, database } = await buildTestApp(t)
  const ada = await signUp(app)
  await setMetadata(app.context, ada.userId, { note: 'a difficult customer' }, 'cli')
  const { body } = await exported(app, ada.accessToken)
  const [row] = await database.admin`select password_hash from users where id = ${ada.userId}`
  for (const secret of [
    row!.password_hash,
    ada.accessToken,
    ada.refreshToken,
    'difficult',
    'metadata',
    'lk_',
    '$argon2',
  ])
    t.notOk(body.includes(secret), secret)
  const [hashes] = await database.admin`select encode(token_hash, 'hex') as hex, encode(token_hash, 'base64') as base64
    from refresh_tokens where session_id = ${ada.sessionId}`
  t.notOk(body.includes(hashes!.hex) || body.includes(hashes!.base64))
})

t.test('an export has every event, however many there are, and reads them in pages', async t => {
  const { app, database } = await buildTestApp(t)
  const ada = await signUp(app)
  await database.admin`
    insert into security_events (id, at, user_id, type, actor)
    select gen_random_uuid(), now() - n * interval '1 minute', ${ada.userId}, 'sign_in_failed', 'user'
    from generate_series(1, 1400) as n`
  const pages = t.capture(app.context.db.securityEvents, 'of', app.context.db.securityEvents.of)
  const { events } = (await exported(app, ada.accessToken)).json()
  t.equal(events.length, 1402)
  t.equal(new Set(events.map(({ id }: { id: string }) => id)).size, 1402)
  t.ok(pages().every(({ args }) => args[1].limit <= 501))
})

t.test('an export does not show who administers, and nothing of other people', async t => {
  const { app } = await buildTestApp(t)
  const [ada, bob] = [await signUp(app), await signUp(app)]
  await disableUser(app.context, ada.userId, bob.userId)
  await enableUser(app.context, ada.userId, bob.userId)
  const { accessToken } = await signIn(app, ada.email)
  const { body } = await exported(app, accessToken)
  t.notOk(body.includes(bob.userId) || body.includes(bob.email))
  t.match(
    JSON.parse(body).events.find(({ type }: { type: string }) => type === 'user_disabled'),
    {
      actor: 'administrator',
    },
  )
})

t.test('an export needs a live session', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  t.equal((await app.inject('/auth/profile/export')).json().code, 'authentication_required')
  await post(app, '/auth/logout', {}, { authorization: `Bearer ${ada.accessToken}` })
  t.equal((await exported(app, ada.accessToken)).json().code, 'token_revoked')
})

t.test('a request for the headers alone reads nothing, and is no export', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const head = await app.inject({
    method: 'HEAD',
    url: '/auth/profile/export',
    headers: { authorization: `Bearer ${ada.accessToken}` },
  })
  t.equal(head.statusCode, 405)
  t.same(
    (await exported(app, ada.accessToken)).json().events.map(({ type }: { type: string }) => type),
    ['account_exported', 'registered'],
  )
})

t.test('a user exports ten times a minute, whatever sessions are used', async t => {
  const { app } = await buildTestApp(t, { RATE_LIMIT: 'on' })
  const ada = await signUp(app)
  const statuses = []
  for (let index = 0; index < 10; index++) statuses.push((await exported(app, ada.accessToken)).statusCode)
  t.same(new Set(statuses), new Set([200]))
  const other = await signIn(app, ada.email)
  t.equal((await exported(app, other.accessToken)).json().code, 'rate_limited')
  const bob = await post(app, '/auth/register', { email: 'bob@example.com', password: PASSWORD, transport: 'body' })
  t.equal((await exported(app, bob.json().access_token)).statusCode, 200, 'another user is not affected')
})
