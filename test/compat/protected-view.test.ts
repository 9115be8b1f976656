import t from 'tap'
import { disableUser, setRoles } from '../../src/domain/accounts/administer-users.js'
import { buildTestApp } from '../support/build-test-app.js'
import { PASSWORD, post, signIn, signUp } from '../support/people.js'

const URL = '/api/users/me/sessions'
const MESSAGE = { token_class: 'AccessToken', token_type: 'access' }
const notValid = (message: string) => ({
  detail: 'Given token not valid for any token type',
  code: 'token_not_valid',
  messages: [{ ...MESSAGE, message }],
})
const NOT_PROVIDED = { detail: 'Authentication credentials were not provided.' }
const BAD_HEADER = {
  detail: 'Authorization header must contain two space-delimited values',
  code: 'bad_authorization_header',
}
/** A token that a Django site signed before its migration to Latchkey: {"token_type":"access","user_id":1}. */
const OF_DJANGO = 'eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbl90eXBlIjoiYWNjZXNzIiwidXNlcl9pZCI6MX0.c2lnbmF0dXJl'

t.test('/api/users/me/sessions refuses requests as a view protected by Simple JWT does', async t => {
  const { app, clock } = await buildTestApp(t, { CORS_ORIGINS: 'https://app.example.com' })
  const ada = await signUp(app)
  const tokens = (await post(app, '/api/token/', { username: ada.email, password: PASSWORD })).json()
  const ask = (authorization?: string, method: 'GET' | 'OPTIONS' | 'POST' | 'HEAD' = 'GET', url = URL) =>
    app.inject({ method, url, headers: authorization === undefined ? {} : { authorization } })

  t.test('an invalid token or Authorization header is refused with the texts of Simple JWT', async t => {
    // test/compat/real-simple-jwt.test.ts compares them with Simple JWT itself.
    for (const [authorization, body] of [
      ['Bearer garbage', notValid('Token is invalid')],
      ['Bearer a.b.c', notValid('Token is invalid')],
      [`Bearer ${OF_DJANGO}`, notValid('Token is invalid')],
      [`Bearer ${tokens.access.slice(0, -4)}AAAA`, notValid('Token is invalid')],
      [`Bearer ${tokens.refresh}`, notValid('Token has wrong type')],
      [`Bearer ${tokens.refresh.slice(0, -4)}AAAA`, notValid('Token is invalid')],
      ['Bearer', BAD_HEADER],
      ['Bearer a b', BAD_HEADER],
      [`Bearer ${tokens.access} ${tokens.access}`, BAD_HEADER],
      ['Basic YTpi', NOT_PROVIDED],
      [`JWT ${tokens.access}`, NOT_PROVIDED],
      [tokens.access, NOT_PROVIDED],
    ] as const) {
      for (const method of ['GET', 'OPTIONS'] as const) {
        const refused = await ask(authorization, method)
        t.equal(refused.statusCode, 401)
        t.strictSame(refused.json(), body, authorization.slice(0, 30))
        t.equal(refused.headers['www-authenticate'], 'Bearer realm="api"')
        t.match(refused.headers['content-type'], /^application\/json/)
        t.equal(refused.headers['cache-control'], 'no-store')
      }
    }
  })

  t.test('without a token, the answer has the text of Simple JWT and the code authentication_required', async t => {
    for (const method of ['GET', 'HEAD', 'OPTIONS'] as const) {
      const refused = await ask(undefined, method)
      t.equal(refused.statusCode, 401)
      t.equal(refused.headers['www-authenticate'], 'Bearer realm="api"')
      if (method !== 'HEAD') t.match(refused.json(), { ...NOT_PROVIDED, code: 'authentication_required' })
    }
  })

  t.test('OPTIONS on the sessions describes the view, and an unsupported method is refused with a detail', async t => {
    const described = await ask(`Bearer ${tokens.access}`, 'OPTIONS')
    t.equal(described.statusCode, 200)
    t.equal(described.headers.allow, 'GET, DELETE, HEAD, OPTIONS')
    t.match(described.json(), { name: 'Sessions', renders: ['application/json'] })
    const refused = await ask(`Bearer ${tokens.access}`, 'POST')
    t.equal(refused.statusCode, 405)
    t.match(refused.json(), { detail: 'Method "POST" not allowed.', code: 'method_not_allowed' })
    t.match(refused.headers.allow, /GET.*DELETE/)
    const preflight = await app.inject({
      method: 'OPTIONS',
      url: URL,
      headers: { origin: 'https://app.example.com', 'access-control-request-method': 'GET' },
    })
    t.equal(preflight.statusCode, 204, 'a CORS preflight needs no token')
  })

  t.test('GET works with a trailing slash, and DELETE with a trailing slash but no id is refused', async t => {
    for (const url of [URL, `${URL}/`, `${URL}?page=1`])
      t.equal((await ask(`Bearer ${tokens.access}`, 'GET', url)).json().length, 2, url)
    const headers = { authorization: `Bearer ${tokens.access}`, accept: 'text/html' }
    const refused = await app.inject({ method: 'DELETE', url: `${URL}/`, headers })
    t.equal(refused.statusCode, 400)
    t.ok(refused.json().detail)
    t.equal((await app.inject({ url: URL, headers })).json().length, 2, 'any Accept header is accepted')
  })

  t.test('a refused token gets the same answer, wherever it was made', async t => {
    const native = await signIn(app, ada.email)
    const other = await signIn(app, ada.email)
    await post(app, '/auth/logout', { refresh_token: other.refreshToken })
    const refusalOf = async (token: string) => {
      const refused = await ask(`Bearer ${token}`)
      t.equal(refused.statusCode, 401)
      t.equal(refused.headers['www-authenticate'], 'Bearer realm="api"')
      return refused.json()
    }
    t.strictSame(await refusalOf(other.accessToken), notValid('Token is blacklisted'))
    await clock.advance(16 * 60)
    for (const token of [tokens.access, native.accessToken])
      t.strictSame(await refusalOf(token), notValid('Token is expired'))

    const stale = await signIn(app, ada.email)
    await setRoles(app.context, ada.email, ['editor'], 'cli')
    t.strictSame(await refusalOf(stale.accessToken), notValid('Token is expired'), 'so that its client refreshes')
    const disabled = await signIn(app, ada.email)
    await disableUser(app.context, ada.email, 'cli')
    t.strictSame(await refusalOf(disabled.accessToken), { detail: 'User is inactive', code: 'user_inactive' })
  })

  t.test('a refused access cookie gets the answer of a refused header', async t => {
    const { app: withCookies } = await buildTestApp(t, { ACCESS_COOKIE: 'on' })
    const refused = await withCookies.inject({ url: URL, headers: { cookie: '__Host-latchkey-at=abc' } })
    t.strictSame(refused.json(), notValid('Token is invalid'))
  })
})
