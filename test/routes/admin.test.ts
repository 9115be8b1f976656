import t from 'tap'
import { newId } from '../../src/lib/ids.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { asClient, clientToken, makeClient, refreshAsClient, signUpAdmin } from '../support/clients.js'
import { get, PASSWORD, post, refresh, signIn, signUp, verify } from '../support/people.js'

/** The service, and a function that calls its admin routes as a client with the scope `admin`. */
async function start(t: Parameters<typeof buildTestApp>[0]) {
  const test = await buildTestApp(t)
  const client = await makeClient(test.app, 'admin', 'sessions')
  return { ...test, client, admin: adminOf(test.app, `Bearer ${await clientToken(test.app, client)}`) }
}

interface Page {
  users: { id: string; username: string }[]
  next_cursor: string | null
}

function adminOf(app: TestApp['app'], authorization: string) {
  return (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, payload?: object) =>
    app.inject({ method, url, headers: { authorization }, ...(payload && { payload }) })
}

t.test('an account created by an administrator can sign in after its temporary password is changed', async t => {
  const { app, admin, database, client } = await start(t)
  const made = await admin('POST', '/admin/users', {
    email: 'Ada@Example.com',
    username: 'ada',
    external_id: 'crm:42',
    roles: ['editor'],
  })
  t.match(made, { statusCode: 201, headers: { 'cache-control': 'no-store' } })
  const { user, temporary_password: password } = made.json()
  t.match(user, {
    email: 'ada@example.com',
    username: 'ada',
    external_id: 'crm:42',
    roles: ['editor'],
    must_change_password: true,
    disabled_at: null,
  })
  const login = await post(app, '/auth/login', { email: user.email, password })
  t.equal(login.json().code, 'password_change_required')
  const changed = await post(app, '/auth/change-password', {
    email: user.email,
    current_password: password,
    new_password: PASSWORD,
    transport: 'body',
  })
  t.equal(changed.statusCode, 200)
  t.match((await admin('GET', `/admin/users/${user.id}`)).json(), { must_change_password: false })
  const [event] = await database.admin`select actor from security_events where type = 'user_created'`
  t.equal(event!.actor, client.id)

  for (const [body, code] of [
    [{ email: 'ADA@example.com' }, 'email_taken'],
    [{ email: 'b@example.com', username: 'ada' }, 'username_taken'],
    [{ email: 'b@example.com', external_id: 'crm:42' }, 'external_id_taken'],
    [{ email: 'nobody' }, 'invalid_email'],
    [{ email: 'b@example.com', roles: ['a,b'] }, 'invalid_role'],
    [{ email: 'b@example.com', admin: true }, 'invalid_request'],
  ] as const)
    t.equal((await admin('POST', '/admin/users', body)).json().code, code)
})

t.test('paging through users returns each user once while accounts are created and deleted', async t => {
  const { app, admin } = await start(t)
  const people = []
  for (let i = 0; i < 7; i++) people.push(await signUp(app))
  const seen: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const page: Page = (await admin('GET', `/admin/users?limit=3${cursor && `&cursor=${cursor}`}`)).json()
    seen.push(...page.users.map(({ id }) => id))
    t.ok(page.users.length <= 3)
    cursor = page.next_cursor
    if (seen.length === 3) {
      await signUp(app)
      await admin('DELETE', `/admin/users/${seen[0]}`)
    }
  }
  t.strictSame(seen, people.map(({ userId }) => userId).reverse(), 'newest first')
})

t.test('users can be found by e-mail, username or external id, complete or by prefix', async t => {
  const { admin } = await start(t)
  const names = ['ada', 'adam', 'Adam', 'a%da', 'a_da', 'bob', 'ädam']
  for (const [at, username] of names.entries())
    await admin('POST', '/admin/users', { email: `u${at}+${at}@example.com`, username, external_id: `crm_${at}` })
  await admin('POST', '/admin/users', { email: 'nameless@example.com' })
  const found = async (query: Record<string, string>) => {
    const usernames: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const search: URLSearchParams = new URLSearchParams({ limit: '2', ...query, ...(cursor && { cursor }) })
      const page: Page = (await admin('GET', `/admin/users?${search}`)).json()
      usernames.push(...page.users.map(user => user.username))
      cursor = page.next_cursor
    }
    return usernames
  }
  t.strictSame(await found({ username: 'adam' }), ['adam'])
  t.strictSame(await found({ username: 'nobody' }), [])
  t.strictSame(await found({ username_prefix: 'ada' }), ['ada', 'adam'])
  t.strictSame(await found({ username_prefix: 'a' }), ['a%da', 'a_da', 'ada', 'adam'], 'in byte order')
  t.strictSame(await found({ username_prefix: 'a%' }), ['a%da'], 'a prefix contains no wildcards')
  t.strictSame(await found({ username_prefix: 'a_' }), ['a_da'])
  t.strictSame(await found({ username_prefix: 'a\\' }), [])
  t.strictSame(
    await found({ email: ' U2+2@EXAMPLE.com ' }),
    ['Adam'],
    'letter case and spaces of an e-mail are ignored',
  )
  t.strictSame(await found({ email_prefix: 'U5+' }), ['bob'])
  t.strictSame(await found({ external_id: 'crm_6' }), ['ädam'])
  t.equal((await found({ external_id_prefix: 'crm_' })).length, names.length)
  t.equal((await found({})).length, names.length + 1)

  const first = (await admin('GET', '/admin/users?limit=1')).json().next_cursor
  for (const query of [
    'email=a&username=b',
    'email=a&email_prefix=b',
    'name=a',
    'limit=0',
    'limit=101',
    'limit=1e1',
    'cursor=x',
    'email=%00',
    'username=a&username=b',
    `cursor=${first}&email_prefix=u`,
    `cursor=${Buffer.from('["id","x"]').toString('base64url')}`,
  ])
    t.match((await admin('GET', `/admin/users?${query}`)).json(), { status: 400, code: 'invalid_request' }, query)
})

t.test('finding users by a prefix reads one range of an index', async t => {
  const { app, admin, database } = await start(t)
  await database.admin`insert into users (id, email, username, external_id, password_hash)
    select gen_random_uuid(), 'user' || n || '@example.com', 'user' || n, 'x' || n, 'none' from generate_series(1, 5000) n`
  await database.admin`analyze users`
  // For a table this small, Postgres would prefer to sort.
  await database.admin`set enable_bitmapscan = off`
  await database.admin`set enable_seqscan = off`
  const planOf = async (statement: string) =>
    (await database.admin.unsafe(`explain ${statement}`)).map(row => row['QUERY PLAN']).join('\n')
  for (const field of ['email', 'username', 'external_id']) {
    const page = `like 'user42%' and ${field} ~>~ 'user421' order by ${field} using ~<~ limit 51`
    const plan = await planOf(`select * from users where ${field} ${page}`)
    t.match(plan, `Index Scan using users_${field}`)
    t.match(plan, `(${field} ~<~ 'user43'::text) AND (${field} ~>~ 'user421'::text)`)
    t.notMatch(plan, 'Sort')
    t.match(await planOf(`select * from users where ${field} = 'x'`), `Index Scan using users_${field}`)
  }
  const { users } = (await admin('GET', '/admin/users?email_prefix=user42&limit=100')).json()
  t.equal(users.length, 100)
  const ada = await signUp(app)
  t.equal((await signIn(app, ada.email)).userId, ada.userId, 'signing in still finds the account')
})

t.test('disabling a user revokes all tokens, and enabling the user allows sign-in again', async t => {
  const { app, admin } = await start(t)
  const ada = await signUp(app)
  t.equal((await admin('POST', `/admin/users/${ada.userId}/disable`)).statusCode, 204)
  t.equal(await verify(app, ada.accessToken), 'token_revoked')
  t.equal((await refresh(app, ada.refreshToken)).json().code, 'user_disabled')
  t.ok((await admin('GET', `/admin/users/${ada.userId}`)).json().disabled_at)
  t.equal((await admin('POST', `/admin/users/${ada.userId}/disable`)).statusCode, 204, 'disabling twice succeeds')
  t.equal((await admin('POST', `/admin/users/${ada.userId}/enable`)).statusCode, 204)
  t.ok(await signIn(app, ada.email))
})

t.test('deleting a user removes the sessions, revokes the tokens and keeps the events', async t => {
  const test = await start(t)
  const { app, admin, database, client } = test
  const { app: other } = await test.another()
  const ada = await signUp(app)
  t.equal((await admin('DELETE', `/admin/users/${ada.userId}`)).statusCode, 204)
  t.equal(await verify(app, ada.accessToken), 'token_revoked')
  await other.context.revocations.readJournal()
  t.equal(
    await verify(other, ada.accessToken),
    'token_revoked',
    'the rows are deleted, but the journal has the revocation',
  )
  t.equal((await refresh(app, ada.refreshToken)).json().code, 'session_revoked')
  t.equal((await admin('GET', `/admin/users/${ada.userId}`)).json().code, 'user_not_found')
  const events = await database.admin`
    select type, actor from security_events where user_id = ${ada.userId} order by id`
  t.same(events, [
    { type: 'registered', actor: 'user' },
    { type: 'user_deleted', actor: client.id },
  ])
  t.same(await database.admin`select 1 from sessions where user_id = ${ada.userId}`, [])
  t.ok(await signUp(app, ada.email), 'the e-mail can be registered again')
})

t.test('after a change of roles a user needs one refresh', async t => {
  const { app, admin } = await start(t)
  const ada = await signUp(app)
  const changed = await admin('PATCH', `/admin/users/${ada.userId}`, { roles: ['editor', 'admin'] })
  t.match(changed.json(), { id: ada.userId, roles: ['editor', 'admin'] })
  t.equal(await verify(app, ada.accessToken), 'token_stale')
  const { access_token } = (await refresh(app, ada.refreshToken)).json()
  t.equal((await get(app, '/admin/users', access_token)).statusCode, 200)
})

t.test('a temporary password replaces the old one and revokes every session', async t => {
  const { app, admin } = await start(t)
  const ada = await signUp(app)
  const answer = await admin('POST', `/admin/users/${ada.userId}/temporary-password`)
  t.match(answer, { statusCode: 200, headers: { 'cache-control': 'no-store' } })
  const { temporary_password: password } = answer.json()
  t.equal(await verify(app, ada.accessToken), 'token_revoked')
  t.equal((await refresh(app, ada.refreshToken)).statusCode, 401)
  const login = (given: string) => post(app, '/auth/login', { email: ada.email, password: given })
  t.equal((await login(PASSWORD)).json().code, 'invalid_credentials')
  t.equal((await login(password)).json().code, 'password_change_required')
})

t.test('an administrator can list a user’s sessions and revoke one or all of them', async t => {
  const { app, admin, database, client } = await start(t)
  const ada = await signUp(app)
  const phone = await signIn(app, ada.email)
  const url = `/admin/users/${ada.userId}/sessions`
  const ids = async () => (await admin('GET', url)).json().map(({ id }: { id: string }) => id)
  t.strictSame(await ids(), [phone.sessionId, ada.sessionId])
  t.equal((await admin('DELETE', `${url}/${phone.sessionId}`)).statusCode, 204)
  t.equal(await verify(app, phone.accessToken), 'token_revoked')
  t.strictSame(await ids(), [ada.sessionId])
  t.equal((await admin('DELETE', `${url}/${phone.sessionId}`)).json().code, 'session_not_found')
  const bob = await signUp(app)
  t.equal((await admin('DELETE', `${url}/${bob.sessionId}`)).json().code, 'session_not_found', 'of another user')

  t.equal((await admin('DELETE', url)).statusCode, 204)
  t.equal(await verify(app, ada.accessToken), 'token_revoked')
  t.strictSame(await ids(), [])
  t.equal(await verify(app, bob.accessToken), 200)
  const events = await database.admin`
    select type from security_events where user_id = ${ada.userId} and actor = ${client.id} order by id`
  t.same(events, [{ type: 'session_revoked' }, { type: 'sessions_revoked' }])
})

t.test('revoking everything before an instant revokes only earlier sign-ins', async t => {
  const { app, clock, config, database, client } = await start(t)
  const ada = await signUp(app)
  await clock.advance(60)
  const between = new Date(clock.now()).toISOString()
  await clock.advance(60)
  const bob = await signUp(app)
  const revoke = async (before: string) => {
    const headers = { authorization: `Bearer ${await clientToken(app, client)}` }
    return app.inject({ method: 'POST', url: '/admin/revocations', payload: { before }, headers })
  }
  t.equal((await revoke(between)).statusCode, 204)
  t.equal(await verify(app, ada.accessToken), 'token_revoked')
  t.equal((await refresh(app, ada.refreshToken)).json().code, 'session_revoked')
  t.equal(await verify(app, bob.accessToken), 200)
  t.equal((await refresh(app, bob.refreshToken)).statusCode, 200)

  const later = new Date(clock.now() + 3_600_000).toISOString()
  t.equal((await revoke(later)).statusCode, 204)
  t.equal(await verify(app, bob.accessToken), 'token_revoked', 'an instant in the future counts as now')
  const again = await signIn(app, bob.email)
  t.equal(await verify(app, again.accessToken), 200)
  const { iat } = JSON.parse(Buffer.from(again.accessToken.split('.')[1]!, 'base64url').toString())
  t.ok(iat < clock.now() / 1000 + 60, 'tokens are not dated in the future')
  await clock.advance(config.refresh.minAgeSeconds)
  t.equal((await refresh(app, again.refreshToken)).statusCode, 200, 'later sign-ins are not revoked')
  const events = await database.admin`select actor from security_events where type = 'everyone_signed_out'`
  t.same(events, [{ actor: client.id }, { actor: client.id }])
  for (const before of ['yesterday', '2026-13-01T00:00:00Z', '2026-01-01', ''])
    t.equal((await revoke(before)).json().code, 'invalid_request', before)
})

t.test('revoking by role revokes the sessions of more than a thousand users with that role', async t => {
  const { app, admin, database, client } = await start(t)
  const ada = await signUp(app)
  const bob = await signUp(app)
  await admin('PATCH', `/admin/users/${ada.userId}`, { roles: ['editor'] })
  const tokens = (await refresh(app, ada.refreshToken)).json()
  await database.admin`insert into users (id, email, password_hash, roles)
    select gen_random_uuid(), n || '@example.com', 'none', '{editor}' from generate_series(1, 1200) n`
  t.equal((await admin('POST', '/admin/revocations', { role: 'editor' })).statusCode, 204)
  t.equal(await verify(app, tokens.access_token), 'token_revoked')
  t.equal((await refresh(app, tokens.refresh_token)).statusCode, 401)
  t.equal(await verify(app, bob.accessToken), 200)
  const [counts] = await database.admin`
    select (select count(*)::int from users where token_version = 1) as users,
      (select count(*)::int from revocations where bound_version = 1) as entries,
      (select count(*)::int from security_events where type = 'sessions_revoked' and actor = ${client.id}) as events`
  t.same(counts, { users: 1201, entries: 1, events: 1201 }, 'the journal contains only users with tokens')
  t.equal((await signIn(app, ada.email)).userId, ada.userId)
})

t.test('revoking by client id revokes only the sessions that this client opened', async t => {
  const { app, admin, client } = await start(t)
  const ada = await signUp(app)
  const open = async () => (await admin('POST', `/admin/users/${ada.userId}/sessions`, {})).json()
  const opened = await Promise.all([open(), open()])
  const other = await app.inject({
    method: 'POST',
    url: `/admin/users/${ada.userId}/sessions`,
    payload: {},
    headers: await asClient(app, 'sessions'),
  })
  t.equal((await admin('POST', '/admin/revocations', { client_id: client.id.toUpperCase() })).statusCode, 204)
  for (const { access_token, refresh_token } of opened) {
    t.equal(await verify(app, access_token), 'token_revoked')
    t.equal((await refreshAsClient(app, client, refresh_token)).json().error_description, 'The session was ended.')
  }
  t.equal(await verify(app, ada.accessToken), 200)
  t.equal(await verify(app, other.json().access_token), 200)
  t.equal((await admin('POST', '/admin/revocations', { client_id: 'latchkey' })).statusCode, 204)
  t.equal(await verify(app, ada.accessToken), 'token_revoked')
  t.equal(await verify(app, other.json().access_token), 200)

  for (const body of [{}, { role: 'a', client_id: client.id }, { client_id: 'x' }, { role: '' }, { role: 7 }])
    t.equal((await admin('POST', '/admin/revocations', body)).json().code, 'invalid_request', JSON.stringify(body))
})

t.test('an administrator can disable other accounts, but not disable, delete or demote their own', async t => {
  const { app, database } = await buildTestApp(t)
  const root = await signUpAdmin(app)
  const admin = adminOf(app, `Bearer ${root.accessToken}`)
  const own = `/admin/users/${root.userId}`
  for (const response of [
    await admin('POST', `${own}/disable`),
    await admin('DELETE', own),
    await admin('DELETE', own.replace(root.userId, root.userId.toUpperCase())),
    await admin('PATCH', own, { roles: [] }),
    await admin('PATCH', own, { roles: ['administrator'] }),
  ])
    t.match(response.json(), { status: 409, code: 'own_account' })
  t.equal((await admin('GET', own)).statusCode, 200)

  const ada = await signUp(app)
  t.equal((await admin('POST', `/admin/users/${ada.userId}/disable`)).statusCode, 204)
  const [event] = await database.admin`select actor from security_events where type = 'user_disabled'`
  t.equal(event!.actor, root.userId)
  t.match((await admin('PATCH', own, { roles: ['admin', 'editor'] })).json(), { roles: ['admin', 'editor'] })
  t.equal((await admin('GET', own)).json().code, 'token_stale', 'changing one’s own roles makes the token stale too')
})

t.test('every route for one user answers user_not_found for an unknown id', async t => {
  const { admin } = await start(t)
  const url = `/admin/users/${newId()}`
  for (const [method, path, body] of [
    ['GET', ''],
    ['PATCH', '', { roles: ['a'] }],
    ['DELETE', ''],
    ['POST', '/disable'],
    ['POST', '/enable'],
    ['POST', '/temporary-password'],
    ['GET', '/sessions'],
    ['DELETE', '/sessions'],
    ['DELETE', `/sessions/${newId()}`],
    ['POST', '/sessions', {}],
  ] as const)
    t.match(
      (await admin(method, url + path, body)).json(),
      { status: 404, code: 'user_not_found' },
      `${method} ${path}`,
    )
})

t.test('a password reset token sets a new password once, and the events show it', async t => {
  const { app, admin, client } = await start(t)
  const ada = await signUp(app)
  const issued = await admin('POST', `/admin/users/${ada.userId}/password-reset`)
  t.match(issued, { statusCode: 200, headers: { 'cache-control': 'no-store' } })
  const { token, email, expires_at } = issued.json()
  t.equal(email, ada.email)
  t.ok(Date.parse(expires_at) > Date.now())
  const reset = { token, new_password: 'another passphrase altogether', transport: 'body' }
  t.equal((await post(app, '/auth/reset-password', reset)).statusCode, 200)
  t.equal((await post(app, '/auth/reset-password', reset)).json().code, 'reset_token_invalid')
  t.equal((await refresh(app, ada.refreshToken)).json().code, 'session_revoked')

  const { events } = (await admin('GET', `/admin/users/${ada.userId}/events?limit=2`)).json()
  t.match(events, [
    { type: 'password_reset', actor: 'user' },
    { type: 'password_reset_issued', actor: client.id },
  ])
  const nobody = `/admin/users/${newId()}`
  t.equal((await admin('GET', `${nobody}/events`)).json().code, 'user_not_found')
  t.equal((await admin('POST', `${nobody}/password-reset`)).json().code, 'user_not_found')
})

t.test('a temporary password invalidates an earlier password reset token', async t => {
  const { app, admin } = await start(t)
  const ada = await signUp(app)
  const { token } = (await admin('POST', `/admin/users/${ada.userId}/password-reset`)).json()
  await admin('POST', `/admin/users/${ada.userId}/temporary-password`)
  const reset = { token, new_password: 'another passphrase altogether' }
  t.equal((await post(app, '/auth/reset-password', reset)).json().code, 'reset_token_invalid')
})
