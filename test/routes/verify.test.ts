import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { get, post, signUp } from '../support/people.js'

t.test('POST /auth/verify returns the claims of an access token in the body', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const response = await post(app, '/auth/verify', { token: ada.accessToken })
  t.match(response.json(), { sub: ada.userId, sid: ada.sessionId, client_id: 'latchkey', roles: [] })
  t.equal((await post(app, '/auth/verify', { token: ada.refreshToken })).json().code, 'token_invalid')
})

t.test('X-Token-Refresh-Required appears in the last fifth of an access token’s lifetime', async t => {
  const { app, clock } = await buildTestApp(t)
  const ada = await signUp(app)
  const header = async () => (await get(app, '/auth/profile', ada.accessToken)).headers['x-token-refresh-required']
  t.equal(await header(), undefined)
  await clock.advance(12 * 60 + 1)
  t.equal(await header(), 'true')
})
