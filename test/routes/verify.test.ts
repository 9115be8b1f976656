import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { get, post, refresh, signUp } from '../support/people.js'

t.test('a gateway learns whose token it is from the headers, and there is no body', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const response = await get(app, '/auth/verify', ada.accessToken)
  t.equal(response.statusCode, 200)
  t.equal(response.body, '')
  t.match(response.headers, {
    'x-auth-subject': ada.userId,
    'x-auth-session': ada.sessionId,
    'x-auth-roles': '',
    'cache-control': 'no-store',
  })
})

t.test(
  'a role that is asked for must be held, one of several is enough, and a misspelled question is refused',
  async t => {
    const { app, database } = await buildTestApp(t)
    const ada = await signUp(app)
    await database.admin`update users set roles = '{editor,author}' where id = ${ada.userId}`
    const { access_token } = (await refresh(app, ada.refreshToken)).json()
    const ask = async (query: string) => (await get(app, `/auth/verify?${query}`, access_token)).statusCode
    t.equal(await ask('role=editor'), 200)
    t.equal(await ask('role=admin&role=author'), 200)
    t.equal(await ask('role=admin'), 403)
    t.equal(await ask('role='), 403)
    t.equal(await ask('roles=editor'), 403)
    t.equal(await ask('role[]=editor'), 403)
    t.equal((await get(app, '/auth/verify', access_token)).headers['x-auth-roles'], 'editor,author')
  },
)

t.test('a service may ask about a token that it holds', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const response = await post(app, '/auth/verify', { token: ada.accessToken })
  t.match(response.json(), { sub: ada.userId, sid: ada.sessionId, client_id: 'latchkey', roles: [] })
  t.equal((await post(app, '/auth/verify', { token: ada.refreshToken })).json().code, 'token_invalid')
})

t.test('in its last fifth a token says that it is time for the next', async t => {
  const { app, clock } = await buildTestApp(t)
  const ada = await signUp(app)
  const header = async () => (await get(app, '/auth/profile', ada.accessToken)).headers['x-token-refresh-required']
  t.equal(await header(), undefined)
  await clock.advance(12 * 60 + 1)
  t.equal(await header(), 'true')
})
