import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { PASSWORD, post, signUp, verify } from '../support/people.js'

t.test('a request may send refreshToken, and the response has only refresh_token', async t => {
  const { app, clock } = await buildTestApp(t)
  const ada = await signUp(app)
  await clock.advance(60)
  const answer = await post(app, '/auth/refresh', { refreshToken: ada.refreshToken })
  t.equal(answer.statusCode, 200)
  t.match(answer.json().refresh_token, /^lk_rt_/)
  t.notOk('refreshToken' in answer.json())

  const ended = await post(app, '/auth/logout', { refreshToken: answer.json().refresh_token })
  t.equal(ended.statusCode, 204)
  t.equal(await verify(app, ada.accessToken), 'token_revoked')
})

t.test('a password can be changed with the older spellings of both fields, or of one of them', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const change = (passwords: object) =>
    post(app, '/auth/change-password', { email: ada.email, transport: 'body', ...passwords })
  t.equal((await change({ oldPassword: PASSWORD, newPassword: `${PASSWORD} 2` })).statusCode, 200)
  t.equal((await change({ current_password: `${PASSWORD} 2`, newPassword: `${PASSWORD} 3` })).statusCode, 200)
  t.equal((await change({ oldPassword: `${PASSWORD} 3`, new_password: `${PASSWORD} 4` })).statusCode, 200)
  t.equal((await change({ currentPassword: `${PASSWORD} 4`, newPassword: `${PASSWORD} 5` })).statusCode, 200)
  t.equal((await change({ old_password: `${PASSWORD} 5`, new_password: `${PASSWORD} 6` })).statusCode, 200)
})

t.test('a request with both spellings of one field is refused as ambiguous', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const { refreshToken } = ada
  for (const [url, body, field] of [
    ['/auth/refresh', { refresh_token: refreshToken, refreshToken }, 'refreshToken'],
    ['/auth/logout', { refresh_token: refreshToken, refreshToken }, 'refreshToken'],
    [
      '/auth/change-password',
      { email: ada.email, oldPassword: PASSWORD, current_password: PASSWORD, new_password: `${PASSWORD} 2` },
      'oldPassword',
    ],
    [
      '/auth/change-password',
      { email: ada.email, current_password: PASSWORD, new_password: `${PASSWORD} 2`, newPassword: `${PASSWORD} 2` },
      'newPassword',
    ],
    [
      '/auth/change-password',
      { email: ada.email, oldPassword: PASSWORD, currentPassword: PASSWORD, new_password: `${PASSWORD} 2` },
      'oldPassword',
    ],
  ] as const) {
    const refused = await post(app, url, body)
    t.equal(refused.statusCode, 400, url)
    t.match(refused.json(), { code: 'invalid_request', errors: [{ field }] })
  }
  t.equal(await verify(app, ada.accessToken), 200, 'the refused requests had no effect')
})

t.test('a field in an older spelling is validated by the same rules', async t => {
  const { app } = await buildTestApp(t)
  for (const refreshToken of [1, null, {}, ['a'], '', 'a'.repeat(2000)])
    t.equal((await post(app, '/auth/refresh', { refreshToken })).json().code, 'invalid_request')
  for (const payload of ['null', '[]', '"refreshToken"', '1']) {
    const headers = { 'content-type': 'application/json' }
    const answer = await app.inject({ method: 'POST', url: '/auth/refresh', headers, payload })
    t.ok(answer.statusCode === 400 || answer.statusCode === 401, payload)
  }
  const headers = { cookie: '__Host-latchkey=abc' }
  t.equal((await post(app, '/auth/refresh', { refreshToken: 'abc' }, headers)).json().code, 'ambiguous_credentials')
  t.equal((await post(app, '/auth/login', { email: 'a@example.com', oldPassword: 'a' })).statusCode, 400)
})
