import t, { type Test } from 'tap'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { clientToken, makeClient, refreshAsClient, type TestClient } from '../support/clients.js'
import { PASSWORD, post, refresh, refreshed, refreshWithoutRotating, signUp, verify } from '../support/people.js'

/** A session that a client opened, with every refresh token that it has had, the newest last. */
async function clientSession(t: Test) {
  const test = await buildTestApp(t)
  const { app, clock, config } = test
  const ada = await signUp(app)
  const shop = await makeClient(app, 'sessions')
  const opened = (await openSession(app, shop, ada.userId)).json()
  const tokens: string[] = [opened.refresh_token]
  for (let times = 0; times < 2; times++) {
    tokens.push((await refreshAsClient(app, shop, tokens.at(-1)!)).json().refresh_token)
    await clock.advance(config.refresh.minAgeSeconds + 1)
  }
  return { ...test, ada, shop, tokens, current: tokens.at(-1)!, opened }
}

t.test('a refresh token of a client’s session gets no tokens without the client’s secret', async t => {
  const { app, tokens, current, shop, database, opened } = await clientSession(t)
  const traces = () => database.admin`
    select (select row_to_json(refresh_tokens)::text from refresh_tokens where session_id = ${opened.session_id}) as whitelist,
      (select count(*)::int from security_events) as events, (select count(*)::int from revocations) as revocations`
  const before = await traces()
  // If the client itself presented them, the two older tokens would be reported as superseded.
  for (const token of tokens.toReversed()) {
    for (const answer of [
      await refresh(app, token),
      await refreshWithoutRotating(app, token),
      await app.inject({ method: 'POST', url: '/auth/refresh', cookies: { '__Host-latchkey': token } }),
    ]) {
      // Clients treat a 401 of this route, and nothing else, as the end of the session.
      t.match(answer.json(), { status: 403, code: 'client_required' })
      t.notOk('set-cookie' in answer.headers, 'no cookie is cleared')
    }
    for (const [url, body] of [
      ['/api/token/refresh/', { refresh: token }],
      ['/api/token/verify/', { token }],
    ] as const) {
      const answer = await post(app, url, body)
      t.equal(answer.statusCode, 403, url)
      t.match(answer.json(), { code: 'client_required', detail: /^The session belongs to a client/ })
    }
  }
  t.same(await traces(), before, 'a caller that is not the client changes nothing')
  t.equal((await refreshAsClient(app, shop, current)).statusCode, 200, 'the client can still refresh')
})

t.test('without the client’s secret, a client’s revoked session gets the same error as a live one', async t => {
  const { app, current, opened, ada } = await clientSession(t)
  const headers = { authorization: `Bearer ${ada.accessToken}` }
  await app.inject({ method: 'DELETE', url: `/auth/sessions/${opened.session_id}`, headers })
  t.match((await refresh(app, current)).json(), { status: 403, code: 'client_required' })
})

t.test('a client can refresh only its own sessions, however old the token', async t => {
  const { app, clock, config, tokens, shop, ada } = await clientSession(t)
  const other = await makeClient(app, 'sessions')
  const { email } = ada
  const dialect = (await post(app, '/api/token/', { email, password: PASSWORD })).json()
  const own = [ada.refreshToken, await refreshed(app, ada.refreshToken)]
  await clock.advance(config.refresh.minAgeSeconds + 1)
  own.push(await refreshed(app, own[1]!))

  const before = app.context.db.statementsSent
  t.match(
    (await refreshAsClient(app, other, tokens[0]!)).json(),
    { error: 'invalid_grant' },
    'a session of another client',
  )
  t.equal(app.context.db.statementsSent - before, 3, 'the client, the rotation, and the reason for the refusal')
  for (const token of [...tokens, ...own, dialect.refresh])
    t.match((await refreshAsClient(app, other, token)).json(), { error: 'invalid_grant' })
  await clock.advance(config.refresh.minAgeSeconds + 1)
  t.equal((await refresh(app, own[2]!)).statusCode, 200)
  t.equal((await refresh(app, dialect.refresh)).statusCode, 200, 'a Simple JWT session has no client')
  const went = app.context.db.statementsSent
  t.equal((await refreshAsClient(app, shop, tokens[2]!)).statusCode, 200)
  t.equal(app.context.db.statementsSent - went, 2, 'checking the session’s client takes no extra statement')
})

for (const [way, end] of [
  ['POST /auth/logout', (app: TestApp['app'], token: string) => post(app, '/auth/logout', { refresh_token: token })],
  [
    'POST /api/token/blacklist/',
    (app: TestApp['app'], token: string) => post(app, '/api/token/blacklist/', { refresh: token }),
  ],
] as const) {
  t.test(`any refresh token of a client’s session is enough to end the session by ${way}`, async t => {
    for (const back of [1, 3]) {
      const { app, tokens, shop, opened } = await clientSession(t)
      t.match(await end(app, tokens.at(-back)!), { statusCode: /20[04]/ })
      t.equal(await verify(app, opened.access_token), 'token_revoked')
      t.match((await refreshAsClient(app, shop, tokens.at(-1)!)).json(), { error: 'invalid_grant' })
    }
  })
}

async function openSession(app: TestApp['app'], client: TestClient, userId: string) {
  const authorization = `Bearer ${await clientToken(app, client)}`
  return post(app, `/admin/users/${userId}/sessions`, {}, { authorization })
}
