import t from 'tap'
import { newId } from '../../src/lib/ids.js'
import { buildTestApp } from '../support/build-test-app.js'
import { get, refresh, signIn, signUp } from '../support/people.js'

t.test('another user’s session gets the same response as one that does not exist', async t => {
  const { app, database } = await buildTestApp(t)
  const ada = await signUp(app)
  const mallory = await signUp(app)
  const ended = await signIn(app, ada.email)
  await app.inject({ method: 'POST', url: '/auth/logout', payload: { refresh_token: ended.refreshToken } })
  const headers = { authorization: `Bearer ${mallory.accessToken}` }
  for (const request of [
    { method: 'DELETE', headers },
    { method: 'PATCH', headers, payload: { label: 'mine now' } },
    { method: 'PATCH', headers, payload: { label: null } },
  ] as const) {
    const answers = []
    for (const id of [newId(), ada.sessionId, ada.sessionId.toUpperCase(), ended.sessionId]) {
      const { statusCode, body, headers } = await app.inject({ ...request, url: `/auth/sessions/${id}` })
      const { date, 'x-request-id': requestId, ...others } = headers
      answers.push({ statusCode, body: body.replace(String(requestId), 'its id'), headers: others })
    }
    t.match(answers[0], { statusCode: 404, body: 'session_not_found' }, request.method)
    for (const answer of answers) t.strictSame(answer, answers[0])
  }
  t.equal((await refresh(app, ada.refreshToken)).statusCode, 200, 'the session is still valid')
  t.same(await database.admin`select 1 from sessions where label is not null`, [])
})

t.test('revoking the other sessions, or all, revokes only those of the caller', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  for (const [method, url, payload] of [
    ['DELETE', '/auth/sessions/others', undefined],
    ['POST', '/auth/logout', { scope: 'others' }],
    ['POST', '/auth/logout', { scope: 'all' }],
  ] as const) {
    const mallory = await signUp(app)
    const second = await signIn(app, mallory.email)
    const headers = { authorization: `Bearer ${mallory.accessToken}` }
    t.equal((await app.inject({ method, url, headers, ...(payload && { payload }) })).statusCode, 204)
    t.equal((await refresh(app, second.refreshToken)).statusCode, 401, `${url} revokes the caller’s other session`)
    t.equal((await get(app, '/auth/profile', ada.accessToken)).statusCode, 200)
  }
  t.equal((await refresh(app, ada.refreshToken)).statusCode, 200)
})

t.test('the session list shows only the caller’s own sessions, and no tokens', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const second = await signIn(app, ada.email)
  await signUp(app)
  const response = await get(app, '/auth/sessions', ada.accessToken)
  t.same(
    response.json().map(({ id, current }: { id: string; current: boolean }) => [id, current]),
    [
      [second.sessionId, false],
      [ada.sessionId, true],
    ],
  )
  t.match(response.headers['cache-control'], 'no-store')
  for (const { refreshToken, accessToken } of [ada, second])
    for (const token of [refreshToken, accessToken]) t.notOk(response.body.includes(token.slice(-40)))
  t.notMatch(response.body, /hash|secret|token/)
})

t.test('every user route refuses an unauthenticated request before it reads a body or sends a statement', async t => {
  const { app, stores } = await buildTestApp(t)
  const ada = await signUp(app)
  const before = stores.db.statementsSent
  for (const [method, url] of [
    ['GET', '/auth/profile'],
    ['GET', '/auth/sessions'],
    ['DELETE', '/auth/sessions/others'],
    ['DELETE', `/auth/sessions/${ada.sessionId}`],
    ['DELETE', '/auth/sessions/not-an-id'],
    ['PATCH', `/auth/sessions/${ada.sessionId}`],
  ] as const) {
    const response = await app.inject({ method, url, payload: '{', headers: { 'content-type': 'application/json' } })
    t.match(response.json(), { status: 401, code: 'authentication_required' }, `${method} ${url}`)
    const cookie = { cookies: { '__Host-latchkey': ada.refreshToken } }
    t.equal((await app.inject({ method, url, ...cookie })).statusCode, 401, 'the refresh cookie is not an access token')
  }
  t.equal(stores.db.statementsSent, before)
})
