import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { get, PASSWORD, post, refresh, refreshed, signUp, verify } from '../support/people.js'

const COOKIE = '__Host-latchkey'

t.test('a planted cookie is ignored at sign-in: the victim gets a new session', async t => {
  const { app } = await buildTestApp(t)
  const mallory = await signUp(app)
  const ada = await signUp(app)
  for (const [name, planted] of [
    ['the attacker’s', mallory.refreshToken],
    ['the victim’s old one', ada.refreshToken],
    ['a made-up one', 'lk_rt_planted'],
    ['an empty one', ''],
  ] as const) {
    for (const [url, payload] of [
      ['/auth/login', { email: ada.email, password: PASSWORD }],
      ['/auth/register', { email: `${name.length}-${planted.length}@example.com`, password: PASSWORD }],
    ] as const) {
      const response = await app.inject({ method: 'POST', url, payload, cookies: { [COOKIE]: planted } })
      t.ok(response.statusCode < 300, `${url} with ${name}`)
      t.notOk([mallory.sessionId, ada.sessionId].includes(response.json().session_id), 'a new session')
      const [cookie] = response.cookies
      t.not(cookie!.value, planted)
      t.match(cookie, { name: COOKIE, httpOnly: true, secure: true, sameSite: 'Strict', path: '/' })
    }
  }
  t.equal((await refresh(app, mallory.refreshToken)).statusCode, 200, 'the attacker’s session is unchanged')
  const { user } = (await refresh(app, mallory.refreshToken)).json()
  t.equal(user.id, mallory.userId)
})

t.test('every sign-in and every password change begins a new session', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const ids = new Set([ada.sessionId])
  for (let times = 0; times < 3; times++)
    ids.add((await post(app, '/auth/login', { email: ada.email, password: PASSWORD })).json().session_id)
  const change = { email: ada.email, current_password: PASSWORD, new_password: 'another good passphrase' }
  ids.add((await post(app, '/auth/change-password', change)).json().session_id)
  t.equal(ids.size, 5)
  t.equal((await refresh(app, ada.refreshToken)).json().code, 'session_revoked', 'not the new one')
})

t.test('a page of another site cannot sign its visitor in or up or change a password', async t => {
  const { app, database } = await buildTestApp(t)
  const mallory = await signUp(app)
  const [{ count: before }] = (await database.admin`select count(*) from sessions`) as unknown as [{ count: string }]
  const attempts = {
    '/auth/login': { email: mallory.email, password: PASSWORD },
    '/auth/register': { email: 'planted@example.com', password: PASSWORD },
    '/auth/change-password': { email: mallory.email, current_password: PASSWORD, new_password: 'another passphrase' },
  }
  for (const [url, payload] of Object.entries(attempts)) {
    for (const headers of [
      { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: 'http://localhost:3000.evil.example' },
      { origin: 'http://blog.localhost:3000', 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'none' },
    ] as Record<string, string>[]) {
      const response = await post(app, url, payload, headers)
      t.match(response.json(), { status: 403, code: 'cross_site_request' }, `${url} ${JSON.stringify(headers)}`)
      t.notOk(response.headers['set-cookie'])
    }
  }
  const [{ count: after }] = (await database.admin`select count(*) from sessions`) as unknown as [{ count: string }]
  t.equal(after, before, 'no session was created')
})

t.test('an expired access token can revoke its own session and no other', async t => {
  const { app, clock, config } = await buildTestApp(t)
  const ada = await signUp(app)
  const other = (await post(app, '/auth/login', { email: ada.email, password: PASSWORD, transport: 'body' })).json()
  await clock.advance(config.accessTokenTtlSeconds + 1)
  const headers = { authorization: `Bearer ${ada.accessToken}` }
  t.equal(await verify(app, ada.accessToken), 'token_expired')
  for (const scope of ['others', 'all'])
    t.match(
      (await post(app, '/auth/logout', { scope }, headers)).json(),
      { status: 401, code: 'live_token_required' },
      scope,
    )
  t.equal((await post(app, '/auth/logout', { scope: 'session' }, headers)).statusCode, 204)
  t.equal((await refresh(app, ada.refreshToken)).json().code, 'session_revoked')
  t.equal((await refresh(app, other.refresh_token)).statusCode, 200, 'the other session is still valid')
})

t.test('a superseded refresh token can revoke its own session and no other', async t => {
  const { app, clock } = await buildTestApp(t)
  const ada = await signUp(app)
  const other = (await post(app, '/auth/login', { email: ada.email, password: PASSWORD, transport: 'body' })).json()
  let live = ada.refreshToken
  for (let rotation = 0; rotation < 2; rotation++) {
    live = await refreshed(app, live)
    await clock.advance(31)
  }
  const stolen = { refresh_token: ada.refreshToken }
  for (const scope of ['others', 'all'])
    t.match((await post(app, '/auth/logout', { ...stolen, scope })).json(), {
      status: 401,
      code: 'live_token_required',
    })
  t.equal((await post(app, '/auth/logout', stolen)).statusCode, 204)
  t.equal((await refresh(app, live)).json().code, 'session_revoked')
  t.equal((await refresh(app, other.refresh_token)).statusCode, 200, 'the other session is still valid')
})

t.test('a forged or revoked access token revokes no session', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const [header, payload] = ada.accessToken.split('.')
  const forged = [`${header}.${payload}.AAAA`, `${header}.${payload}.${'A'.repeat(86)}`]
  for (const token of forged) {
    const response = await post(app, '/auth/logout', {}, { authorization: `Bearer ${token}` })
    t.match(response.json(), { status: 401, code: 'token_invalid' })
    t.notOk(response.headers['set-cookie'], 'a refused logout clears no cookie')
  }
  t.equal(await verify(app, ada.accessToken), 200)

  const other = (await post(app, '/auth/login', { email: ada.email, password: PASSWORD, transport: 'body' })).json()
  const headers = { authorization: `Bearer ${ada.accessToken}` }
  t.equal((await post(app, '/auth/logout', {}, headers)).statusCode, 204)
  for (const scope of ['others', 'all'])
    t.equal((await post(app, '/auth/logout', { scope }, headers)).json().code, 'live_token_required', scope)
  t.equal((await post(app, '/auth/logout', {}, headers)).statusCode, 204, 'signing out of a revoked session succeeds')
  t.equal((await get(app, '/auth/profile', other.access_token)).statusCode, 200)
})
