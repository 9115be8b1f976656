import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { clientToken, makeClient, refreshAsClient } from '../support/clients.js'
import { get, signUp, verify } from '../support/people.js'
import { whileOpen } from '../support/while-open.js'

const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1'

async function start(t: Parameters<typeof buildTestApp>[0], env: NodeJS.ProcessEnv = {}) {
  const test = await buildTestApp(t, env)
  const client = await makeClient(test.app, 'sessions')
  const authorization = `Bearer ${await clientToken(test.app, client)}`
  const open = (userId: string, payload: object = {}) =>
    test.app.inject({ method: 'POST', url: `/admin/users/${userId}/sessions`, payload, headers: { authorization } })
  return { ...test, client, open }
}

t.test('a session that a service opens for a user can be refreshed, listed and revoked', async t => {
  const { app, clock, config, client, open, database } = await start(t)
  const ada = await signUp(app)
  const opened = await open(ada.userId, { ip: '203.0.113.9', user_agent: IPHONE, auth_methods: ['pwd', 'otp'] })
  t.match(opened, { statusCode: 201, headers: { 'cache-control': 'no-store' } })
  t.notOk('set-cookie' in opened.headers)
  const tokens = opened.json()
  t.match(tokens, { token_type: 'Bearer', refresh_token: /^lk_rt_/, user: { id: ada.userId, email: ada.email } })

  t.equal(await verify(app, tokens.access_token), 200)
  t.equal(
    (await get(app, '/auth/profile', tokens.access_token)).json().email,
    ada.email,
    'the token belongs to the user',
  )
  const claims = JSON.parse(Buffer.from(tokens.access_token.split('.')[1], 'base64url').toString())
  t.match(claims, { sub: ada.userId, client_id: client.id, sid: tokens.session_id })
  const [session] = (await get(app, '/auth/sessions', ada.accessToken)).json()
  t.match(session, {
    id: tokens.session_id,
    ip: '203.0.113.9',
    device: { browser: 'Safari', os: 'iOS', kind: 'mobile' },
  })
  const [row] = await database.admin`select auth_methods, transport from sessions where id = ${tokens.session_id}`
  t.same(row, { auth_methods: ['pwd', 'otp'], transport: 'body' })
  const [event] = await database.admin`
    select type, actor, host(ip) as ip from security_events where session_id = ${tokens.session_id}`
  t.same(event, { type: 'signed_in', actor: client.id, ip: '203.0.113.9' })

  const next = (await refreshAsClient(app, client, tokens.refresh_token)).json()
  await clock.advance(config.refresh.minAgeSeconds + 1)
  t.equal((await refreshAsClient(app, client, next.refresh_token)).statusCode, 200)
  await app.inject({
    method: 'DELETE',
    url: `/auth/sessions/${tokens.session_id}`,
    headers: { authorization: `Bearer ${ada.accessToken}` },
  })
  t.equal(await verify(app, next.access_token), 'token_revoked', 'the user can revoke it in the list of sessions')
})

t.test('a client cannot open a session for a disabled account', async t => {
  const { app, open, database } = await start(t)
  const ada = await signUp(app)
  await database.admin`update users set disabled_at = now() where id = ${ada.userId}`
  t.match((await open(ada.userId)).json(), { status: 409, code: 'account_disabled' })
})

t.test('disabling a user while a client opens a session prevents that session', async t => {
  const { app, open, database } = await start(t)
  const ada = await signUp(app)
  const answer = await whileOpen(
    { database },
    sql => sql`update users set disabled_at = now(), token_version = token_version + 1 where id = ${ada.userId}`,
    () => open(ada.userId),
  )
  t.equal(answer.json().code, 'account_disabled')
  const [row] = await database.admin`select count(*)::int from sessions where user_id = ${ada.userId}`
  t.equal(row!.count, 1, 'only the earlier session')
})

t.test('removing a client while it opens a session prevents that session', async t => {
  const { app, open, database, client } = await start(t)
  const ada = await signUp(app)
  let answer: ReturnType<typeof open> | undefined
  await database.admin.begin(async sql => {
    await sql`delete from clients where id = ${client.id}`
    answer = open(ada.userId)
    for (let look = 0; look < 300; look++) {
      const [row] = await sql`
        select count(*)::int from pg_locks where not granted
          and pid in (select pid from pg_stat_activity where datname = current_database())`
      if (row!.count > 0) return
      await new Promise(resolve => setTimeout(resolve, 10))
    }
  })
  t.equal((await answer!).json().code, 'token_revoked')
})

t.test('sessions that a client opens count towards the session limit of the user', async t => {
  const { app, open } = await start(t, { MAX_SESSIONS_PER_USER: '2' })
  const ada = await signUp(app)
  const first = (await open(ada.userId)).json()
  t.equal((await open(ada.userId)).statusCode, 201)
  t.equal(await verify(app, ada.accessToken), 'token_revoked', 'the oldest session was evicted')
  t.equal(await verify(app, first.access_token), 200)
})

t.test('invalid session data from a client is refused', async t => {
  const { app, open } = await start(t)
  const ada = await signUp(app)
  for (const body of [
    { ip: '999.1.1.1' },
    { ip: 'unknown' },
    { ip: 'fe80::1%eth0' },
    { ip: '' },
    { user_agent: 'a\u0000b' },
    { user_agent: 'a'.repeat(513) },
    { auth_methods: ['a,b'] },
    { auth_methods: ['{}'] },
    { auth_methods: 'pwd' },
    { auth_methods: Array(9).fill('pwd') },
    { transport: 'cookie' },
    { email: ada.email },
  ])
    t.match((await open(ada.userId, body)).json(), { status: 400, code: 'invalid_request' }, JSON.stringify(body))
  t.equal((await open(ada.userId.toUpperCase(), { ip: '2001:db8::1' })).statusCode, 201)
})
