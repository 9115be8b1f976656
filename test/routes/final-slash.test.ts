import t from 'tap'
import { everyAddress } from '../attacks/every-route.js'
import { buildTestApp } from '../support/build-test-app.js'
import { signUpAdmin } from '../support/clients.js'
import { get, refresh, signIn } from '../support/people.js'

/** Routes with their own rules: Swagger UI redirects, Simple JWT's are registered twice, gateways' take any path. */
const OWN_RULES = /^\/(docs|api\/token|auth\/verify)|\*|anything/

t.test('every route answers the same with a slash at the end of its path as without', async t => {
  const { app } = await buildTestApp(t, { CORS_ORIGINS: 'https://app.example.com' })
  const addresses = everyAddress(app).filter(({ url, methods }) => !OWN_RULES.test(url) && methods.length > 0)
  const compared = new Set<string>()
  for (const { url } of addresses.filter(({ url }) => !url.endsWith('/')))
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const) {
      if (method === 'DELETE' && /\/sessions$|^\/admin\/users\/[^/]+$/.test(url)) continue
      for (const query of ['', '?limit=7&next=/']) {
        const [without, withSlash] = await Promise.all(
          [url + query, `${url}/${query}`].map(async url => {
            const { statusCode, headers, body } = await app.inject({ method, url })
            // What /readyz says of the stores can change between two requests.
            const text = url.startsWith('/readyz') ? '' : body.replace(String(headers['x-request-id']), 'id')
            return { statusCode, allow: headers.allow, text }
          }),
        )
        t.same(withSlash, without, `${method} ${url}${query}`)
        compared.add(url)
      }
    }
  for (const url of ['/auth/login', '/auth/sessions', '/oauth/token', '/readyz', '/openapi.json'])
    t.ok(compared.has(url), `${url} was compared`)
})

t.test('a DELETE with a slash at the end does not delete what contains the missing element', async t => {
  const { app } = await buildTestApp(t)
  const root = await signUpAdmin(app)
  const phone = await signIn(app, root.email)
  const authorization = `Bearer ${root.accessToken}`
  for (const url of [
    '/auth/sessions/',
    '/auth/sessions//',
    '/auth/sessions/?id=',
    '/auth/%73essions/',
    `/admin/users/${phone.userId}/`,
    `/admin/users/${phone.userId}//`,
    `/admin/users/${root.userId}/sessions/`,
    `/admin/users/${root.userId}/sessions//`,
    `/admin/users/${root.userId}/%73essions/`,
    '/api/users/me/sessions/',
    '/api/users/me/sessions//',
    '/api/users/me/%73essions/',
  ]) {
    const { statusCode } = await app.inject({ method: 'DELETE', url, headers: { authorization } })
    t.ok([400, 404, 405].includes(statusCode), `${url}: ${statusCode}`)
  }
  const noSuchPath = { method: 'DELETE', url: `/admin/users/${phone.userId}/`, headers: { authorization } } as const
  t.match((await app.inject(noSuchPath)).json(), { status: 404, detail: 'Remove the slash at the end of the path.' })
  t.equal((await get(app, '/auth/sessions/', root.accessToken)).json().length, 3, 'no session was revoked')
  const url = `/auth/sessions/${phone.sessionId}/`
  t.equal((await app.inject({ method: 'DELETE', url, headers: { authorization } })).statusCode, 204)
  t.equal((await refresh(app, phone.refreshToken)).json().code, 'session_revoked')
})

t.test('a final slash is removed below PUBLIC_PATH too, and never leads to another host', async t => {
  const { app } = await buildTestApp(t, { PUBLIC_ORIGIN: 'https://example.com', PUBLIC_PATH: '/identity' })
  t.equal((await app.inject('/identity/livez/')).statusCode, 200)
  for (const url of ['//evil.example/', '//evil.example/livez/', '/livez//'])
    t.match(await app.inject(url), { statusCode: 404, headers: { location: undefined } }, url)
})
