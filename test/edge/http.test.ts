import t, { type Test } from 'tap'
import { edgeEnv, rulesFile, startEdge } from '../support/edge-process.js'
import { until } from '../support/eventually.js'
import { HttpClient } from '../support/http-client.js'
import { startToyIssuer } from '../verifier/toy-issuer.js'

const toy = await startToyIssuer(t)
const editor = toy.token({ sub: 'ada', sid: 'a-session', roles: ['editor', 'Éditeur en chef'] })
const reader = toy.token({ roles: [] })

const RULES = `
rules:
  - prefix: /assets
    access: public
  - prefix: /admin
    roles: [admin, editor]
  - prefix: /payments
    recent_auth_seconds: 300
  - prefix: /api
    access: signed in
    preflights: true
`

function bearer(token: string) {
  return { authorization: `Bearer ${token}` }
}

async function clientOf(t: Test, env: NodeJS.ProcessEnv = {}) {
  const edge = await startEdge(t, { ...edgeEnv(toy), ...env })
  const client = new HttpClient(edge.url)
  t.teardown(() => client.close())
  return client
}

t.test('without rules, any method, path and query needs a valid token', async t => {
  const client = await clientOf(t)
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'])
    for (const path of ['/auth/verify', '/auth/verify/', '/auth/verify/orders/../%2e%2e//a?x=%zz&role=no']) {
      const { status, headers } = await client.send(method, path, bearer(editor))
      t.equal(status, 200, `${method} ${path}`)
      t.match(headers, {
        'cache-control': 'no-store',
        'x-auth-subject': 'ada',
        'x-auth-session': 'a-session',
        'x-auth-roles': 'editor,%C3%89diteur%20en%20chef',
      })
      // The client of the tests reads a body after HEAD too.
      if (method !== 'HEAD') t.equal((await client.send(method, path, {})).status, 401)
    }
  const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' }
  t.equal((await client.send('GET', '/auth/verify', { ...bearer(editor), ...upgrade })).status, 200)
  t.equal((await client.send('GET', '/auth/verify', upgrade)).status, 401)
  const body = 'x'.repeat(100_000)
  const chunked = { ...bearer(editor), 'transfer-encoding': 'chunked' }
  t.equal((await client.send('POST', '/auth/verify/upload', chunked, body)).status, 200, 'a body is ignored')
  t.equal((await client.get('/auth/verify', editor)).status, 200)
})

t.test('a refused request is answered as by /auth/verify, with the same codes and problem details', async t => {
  const client = await clientOf(t)
  const ask = (headers: Record<string, string>, path = '/auth/verify') => client.send('GET', path, headers)
  t.match(await ask({}), {
    status: 401,
    headers: { 'content-type': 'application/problem+json; charset=utf-8', 'www-authenticate': 'Bearer' },
    body: {
      type: 'urn:latchkey:error:authentication_required',
      title: 'An access token is required.',
      status: 401,
      code: 'authentication_required',
    },
  })
  const invalid = { 'www-authenticate': 'Bearer error="invalid_token"' }
  t.match(await ask(bearer('x.y.z')), { status: 401, headers: invalid, body: { code: 'token_invalid' } })
  t.match(await ask({ authorization: 'Basic eDp5' }), { status: 401, body: { code: 'token_invalid' } })
  t.match(await ask(bearer(toy.token({ exp: 1 }))), { status: 401, body: { code: 'token_expired' } })
  t.match(await ask(bearer(reader), '/auth/verify?role=editor'), { status: 403, body: { code: 'insufficient_role' } })
  t.equal((await ask({ cookie: `__Host-latchkey-at=${editor}` })).status, 401, 'no cookie is accepted by default')
  const repeated = await fetch(`${client.url}/auth/verify`, {
    headers: [
      ['authorization', `Bearer ${editor}`],
      ['authorization', `Bearer ${reader}`],
    ],
  })
  t.equal(repeated.status, 401)
  t.notOk(repeated.headers.has('x-auth-subject'))
})

t.test('the address of the gateway can require roles, as at Latchkey', async t => {
  const client = await clientOf(t)
  const statusOf = async (path: string, token = editor, headers = {}) =>
    (await client.send('GET', path, { ...bearer(token), ...headers })).status
  t.equal(await statusOf('/auth/verify?role=author&role=editor'), 200)
  t.equal(await statusOf('/auth/verify?role=author'), 403)
  t.equal(await statusOf('/auth/verify?rule=editor'), 403, 'a misspelled requirement admits nobody')
  t.equal(await statusOf('/auth/verify?role=editor&page=2'), 403)
  t.equal(await statusOf('/auth/verify?page=2', editor, { 'x-forwarded-uri': '/orders?page=2' }), 200)
  t.equal(await statusOf('/auth/verify?role=', reader, { 'x-forwarded-uri': '/orders?role=' }), 403)
  t.equal(await statusOf('/auth/verify-role/author,editor/orders?role=x'), 200)
  t.equal(await statusOf('/auth/verify-role/%C3%89diteur%20en%20chef/orders'), 200)
  for (const path of ['author/', 'author', '', '/', '%zz/', 'Editor/', 'author/editor/', 'author?editor'])
    t.equal(await statusOf(`/auth/verify-role/${path}`), 403, path)
})

t.test('other addresses are not found', async t => {
  const client = await clientOf(t)
  for (const path of [
    '/',
    '/auth/verifyx',
    '/auth/verify-role',
    '/auth/login',
    '/AUTH/VERIFY',
    '//auth/verify',
    '/auth/../auth/verify',
  ])
    t.equal((await client.get(path, editor)).status, 404, path)
})

/** The address that each gateway requests, and the headers in which it describes the client's request. */
const DESCRIBED = {
  nginx: { path: '/auth/verify', target: 'x-original-uri', methodIn: 'x-original-method' },
  haproxy: { path: '/auth/verify', target: 'x-original-uri', methodIn: 'x-original-method' },
  caddy: { path: '/auth/verify/', target: 'x-forwarded-uri', methodIn: 'x-forwarded-method' },
  traefik: { path: '/auth/verify', target: 'x-forwarded-uri', methodIn: 'x-forwarded-method' },
}

for (const [gateway, { path, target: targetIn, methodIn }] of Object.entries(DESCRIBED)) {
  t.test(`the rules apply to the request that ${gateway} describes, and no other header changes it`, async t => {
    const client = await clientOf(t, { EDGE_GATEWAY: gateway, EDGE_RULES_FILE: await rulesFile(t, RULES) })
    const ask = (target: string, headers: Record<string, string> = {}, method = 'GET') => {
      const forged = {
        'x-original-uri': '/assets/a',
        'x-forwarded-uri': '/assets/a',
        'x-original-url': '/assets/a',
        'x-rewrite-url': '/assets/a',
      }
      return client.send('GET', path, { ...forged, ...headers, [targetIn]: target, [methodIn]: method })
    }
    t.match(await ask('/assets/app.js'), { status: 200, headers: { 'x-auth-subject': '', 'x-auth-roles': '' } })
    t.equal((await ask('/assets/app.js', bearer(editor))).headers['x-auth-subject'], '', 'nobody on a public route')
    t.match(await ask('/orders'), { status: 401, body: { code: 'authentication_required' } })
    t.equal((await ask('/admin/users', bearer(editor))).status, 200)
    t.match(await ask('/admin/users', bearer(reader)), { status: 403, body: { code: 'insufficient_role' } })
    t.match(await ask('/assets/%2e%2e/admin', bearer(editor)), { status: 403, body: { code: 'ambiguous_path' } })
    const old = toy.token({ auth_time: Math.floor(Date.now() / 1000) - 400 })
    t.equal((await ask('/payments', bearer(editor))).status, 200)
    const { status, headers, body } = await ask('/payments', bearer(old))
    t.match({ status, body }, { status: 401, body: { code: 'insufficient_user_authentication' } })
    t.match(headers['www-authenticate'], /max_age="300"/)

    const preflight = { origin: 'https://app.example.com', 'access-control-request-method': 'PUT' }
    t.match(await ask('/api/orders', preflight, 'OPTIONS'), { status: 200, headers: { 'x-auth-subject': '' } })
    t.equal((await ask('/orders', preflight, 'OPTIONS')).status, 401, 'only where a rule says so')
    t.equal((await ask('/api/orders', preflight, 'GET')).status, 401, 'a GET with these headers is none')
    t.equal((await ask('/api/orders', { origin: 'https://app.example.com' }, 'OPTIONS')).status, 401)
    t.equal((await ask('/api/../orders', preflight, 'OPTIONS')).status, 403)

    t.match(await client.get('/auth/verify', editor), { status: 403, body: { code: 'request_not_described' } })
  })
}

t.test("for Envoy, the path below the prefix and the method are the client's, whatever its headers say", async t => {
  const env = { EDGE_GATEWAY: 'envoy', EDGE_RULES: RULES }
  const client = await clientOf(t, env)
  const forged = { 'x-original-uri': '/assets/a', 'x-forwarded-uri': '/assets/a', 'x-forwarded-method': 'OPTIONS' }
  const ask = (path: string, headers = {}, method = 'GET') => client.send(method, path, { ...forged, ...headers })
  t.equal((await ask('/auth/verify/assets/a')).status, 200)
  t.equal((await ask('/auth/verify/orders')).status, 401)
  t.equal((await ask('/auth/verify/orders?/assets/a')).status, 401)
  t.equal((await ask('/auth/verify/admin', bearer(reader))).status, 403)
  t.equal((await ask('/auth/verify/admin', bearer(editor))).status, 200)
  t.equal(
    (await ask('/auth/verify-role/editor/assets/a')).status,
    401,
    'a role that the gateway requires is needed too',
  )
  t.equal((await ask('/auth/verify-role/editor/assets/a', bearer(editor))).status, 200)
  t.equal((await ask('/auth/verify/assets/../admin', bearer(editor))).status, 403)
  const preflight = { origin: 'https://app.example.com', 'access-control-request-method': 'PUT' }
  t.equal((await ask('/auth/verify/api/a', preflight, 'OPTIONS')).status, 200)
  const own =
    '__Host-latchkey=lk1; __Host-latchkey-00f=lk2; theme=dark; __Host-latchkey-at=jwt; __Host-latchkey-ticket=t'
  const { headers } = await ask('/auth/verify/orders', { ...bearer(editor), cookie: own })
  t.equal(headers.cookie, 'theme=dark; __Host-latchkey-at=jwt', 'the cookies for the service')
  const bare = await ask('/auth/verify/orders', { ...bearer(editor), cookie: '__Host-latchkey=lk1' })
  t.match(bare.headers['x-envoy-auth-headers-to-remove'], /x_auth_subject.*,cookie$/)
})

t.test('the access cookie is accepted if a setting names it, but not from pages of other sites', async t => {
  const client = await clientOf(t, { EDGE_GATEWAY: 'nginx', EDGE_ACCESS_COOKIE: '__Host-latchkey-at' })
  const ask = (headers: Record<string, string>, method = 'GET', token = editor) =>
    client.send('GET', '/auth/verify', {
      'x-original-method': method,
      'x-original-uri': '/orders',
      cookie: `theme=dark; __Host-latchkey-at=${token}`,
      ...headers,
    })
  t.match(await ask({}), { status: 200, headers: { 'x-auth-subject': 'ada' } })
  t.equal((await ask({ 'sec-fetch-site': 'cross-site' })).status, 200, 'a link from another site')
  t.equal((await ask({ 'sec-fetch-site': 'same-origin' }, 'POST')).status, 200)
  t.match(await ask({ 'sec-fetch-site': 'cross-site' }, 'POST'), { status: 403, body: { code: 'cross_site_request' } })
  t.equal((await ask({ authorization: 'Bearer x' })).status, 401, 'the header alone counts')
})

t.test('a revoked session is refused, and activity is reported', async t => {
  const client = await clientOf(t)
  const sid = 'aaaaaaaa-0000-4000-8000-000000000001'
  const token = toy.token({ sid, gen: 7 })
  t.equal((await client.get('/auth/verify', token)).status, 200)
  await until(() => toy.reports.some(({ sessions }) => sessions?.some(seen => seen.sid === sid && seen.gen === 7)))
  const exp = Math.floor(Date.now() / 1000) + 900
  for (const stream of toy.streams) stream.entries({ kind: 'session', sid, exp, reason: 'logout' })
  await until(async () => (await client.get('/auth/verify', token)).status === 401)
  t.match(await client.get('/auth/verify', token), { status: 401, body: { code: 'token_revoked' } })
})

t.test('a token near its end is answered with X-Token-Refresh-Required', async t => {
  const client = await clientOf(t)
  const now = Math.floor(Date.now() / 1000)
  const ending = toy.token({ iat: now - 800, exp: now + 100 })
  t.equal((await client.get('/auth/verify', ending)).headers['x-token-refresh-required'], 'true')
  t.notOk('x-token-refresh-required' in (await client.get('/auth/verify', editor)).headers)
})
