import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { PASSWORD, signUp } from '../support/people.js'
import { buildToyApp } from '../support/toy-app.js'

const VITE = 'http://localhost:5173'
const preflight = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' }
/** What a browser adds to a request of a script, at another port of the same host. */
const byScript = { 'sec-fetch-mode': 'cors', 'sec-fetch-site': 'same-site' }

const corsHeaders = (answer: { headers: object }) =>
  Object.keys(answer.headers).filter(name => name.startsWith('access-control-'))

t.test('a preflight is never answered with 405, and an unlisted origin gets no CORS header', async t => {
  for (const corsOrigins of [[], ['https://app.example.com']])
    for (const nodeEnv of ['production', 'development'] as const) {
      const { app } = await buildToyApp(t, { corsOrigins, nodeEnv })
      for (const url of ['/echo', '/thing/7', '/nowhere', '/openapi.json'])
        for (const origin of [VITE, 'https://evil.example', 'null']) {
          const answer = await app.inject({ method: 'OPTIONS', url, headers: { origin, ...preflight } })
          t.match(answer, { statusCode: 403, headers: { 'content-type': /^application\/problem\+json/ } })
          t.equal(answer.json().code, 'cross_site_request')
          t.same(corsHeaders(answer), [])
          t.equal('detail' in answer.json(), nodeEnv !== 'production', 'production does not explain its settings')
        }
    }
})

t.test('OPTIONS without a preflight is answered with the methods of the path', async t => {
  for (const corsOrigins of [[], ['https://app.example.com']]) {
    const { app } = await buildToyApp(t, { corsOrigins })
    const answer = await app.inject({ method: 'OPTIONS', url: '/thing/7' })
    t.match(answer, { statusCode: 204, body: '', headers: { allow: 'GET, HEAD, OPTIONS' } })
    t.equal((await app.inject({ method: 'OPTIONS', url: '/nowhere' })).statusCode, 404)
    const ownPage = { origin: 'https://auth.example.com', ...preflight }
    t.equal((await app.inject({ method: 'OPTIONS', url: '/echo', headers: ownPage })).statusCode, 204)
  }
})

t.test('outside production a refusal names the origin and the setting that allows it', async t => {
  const { app } = await buildTestApp(t, { PUBLIC_ORIGIN: 'http://localhost:3000' })
  const signIn = async (headers: Record<string, string>) =>
    (await app.inject({ method: 'POST', url: '/auth/login', headers, payload: { email: 'a', password: 'b' } })).json()
  const refused = { status: 403, code: 'cross_site_request' }
  t.match(await signIn({ origin: VITE }), { ...refused, detail: `CORS_ORIGINS=${VITE}` })
  t.match(await signIn({ origin: 'null' }), { ...refused, detail: /no origin that CORS_ORIGINS could contain/ })
  for (const origin of [
    'https://Upper.example',
    `https://${'a'.repeat(64)}.example`,
    'https://a.example/path',
    'https://"x',
  ])
    t.notMatch((await signIn({ origin })).detail, origin.slice(8), 'what no browser sends is not repeated')
  const ownAddress = { origin: 'http://192.168.1.7:3000', host: '192.168.1.7:3000' }
  t.match(await signIn(ownAddress), { ...refused, detail: /set PUBLIC_ORIGIN=http:\/\/192\.168\.1\.7:3000/ })
  const anotherSite = await signIn({ origin: 'http://127.0.0.1:5173' })
  t.match(anotherSite, {
    ...refused,
    detail: /Open it at http:\/\/localhost:5173, and set CORS_ORIGINS=http:\/\/localhost:5173/,
  })
  t.equal((await signIn({ 'sec-fetch-site': 'cross-site' })).detail, undefined)
})

t.test('outside production a refresh says why the browser of an allowed page sent no cookie', async t => {
  const settings = { PUBLIC_ORIGIN: 'http://localhost:3000', CORS_ORIGINS: VITE }
  const { app } = await buildTestApp(t, settings)
  const refresh = async (headers: Record<string, string>) =>
    (await app.inject({ method: 'POST', url: '/auth/refresh', headers: { origin: VITE, ...headers } })).json()
  t.match(await refresh({ 'sec-fetch-site': 'cross-site' }), {
    code: 'refresh_token_missing',
    detail: /two sites .* Call http:\/\/localhost:3000,/,
  })
  t.equal((await refresh({ 'sec-fetch-site': 'same-site' })).detail, undefined)
  const production = await buildTestApp(t, { ...settings, NODE_ENV: 'production', PUBLIC_ORIGIN: 'https://a.example' })
  const headers = { origin: VITE, 'sec-fetch-site': 'cross-site' }
  const answer = await production.app.inject({ method: 'POST', url: '/auth/refresh', headers })
  t.equal(answer.json().detail, undefined)
})

t.test('in production a refusal does not name settings', async t => {
  const { app } = await buildToyApp(t, { nodeEnv: 'production' })
  const headers = { origin: VITE, cookie: '__Host-latchkey=own', ...byScript }
  const answer = await app.inject({ method: 'POST', url: '/echo', headers, payload: { email: 'a' } })
  t.equal(answer.statusCode, 403)
  t.notMatch(answer.body, 'CORS_ORIGINS')
  t.same(corsHeaders(answer), [])
})

t.test('outside production a script of a page on this machine can read a refusal, and nothing else', async t => {
  const { app } = await buildTestApp(t, { PUBLIC_ORIGIN: 'http://localhost:3000', ACCESS_COOKIE: 'on' })
  const ada = await signUp(app)
  const cookie = `__Host-latchkey-at=${ada.accessToken}`
  const authorization = `Bearer ${ada.accessToken}`
  const page = { origin: VITE, ...byScript }
  const readable = { 'access-control-allow-origin': VITE, 'access-control-allow-credentials': 'true', vary: 'Origin' }
  const allowed = await app.inject({ method: 'OPTIONS', url: '/auth/profile', headers: { ...page, ...preflight } })
  t.match(allowed, { statusCode: 204, body: '', headers: { ...readable, 'access-control-max-age': '0' } })

  for (const request of [
    { method: 'GET', url: '/auth/profile', headers: { ...page, authorization } },
    { method: 'GET', url: '/auth/sessions', headers: { ...page, cookie } },
    { method: 'GET', url: '/openapi.json', headers: page },
    { method: 'GET', url: '/nowhere', headers: page },
    { method: 'POST', url: '/auth/login', headers: page, payload: { email: ada.email, password: PASSWORD } },
    { method: 'POST', url: '/auth/logout', headers: { ...page, authorization } },
    { method: 'DELETE', url: '/auth/sessions/others', headers: { ...page, authorization } },
    { method: 'POST', url: '/api/token/', headers: page, payload: { username: ada.email, password: PASSWORD } },
    { method: 'POST', url: '/oauth/token', headers: page, payload: {} },
  ] as const) {
    const answer = await app.inject(request)
    // OAuth has no error with 403.
    const statusCode = request.url === '/oauth/token' ? 400 : 403
    t.match(answer, { statusCode, headers: readable }, request.url)
    t.match(answer.body, `CORS_ORIGINS=${VITE}`)
    t.equal(answer.headers['set-cookie'], undefined)
    t.notMatch(answer.body, ada.email)
  }
  for (const origin of [
    'https://evil.example',
    'http://localhost.evil.example',
    'http://127.evil.example',
    'http://127.0.0.1.evil.example',
    'http://192.168.1.7:5173',
    'null',
  ]) {
    const answer = await app.inject({ url: '/auth/profile', headers: { ...page, origin, authorization } })
    t.same(corsHeaders(answer), [], origin)
  }
})

t.test('gateways send the origin of their client, which is not ours to judge', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const headers = { authorization: `Bearer ${ada.accessToken}`, origin: VITE, ...byScript }
  for (const url of ['/auth/verify', '/auth/verify/api/orders', '/auth/verify?role=nobody'])
    t.equal((await app.inject({ url, headers })).statusCode, url.includes('role') ? 403 : 200, url)
  const method = 'OPTIONS'
  const answer = await app.inject({ method, url: '/auth/verify/api', headers: { origin: VITE, ...preflight } })
  t.match(answer, { statusCode: 401 }, 'VERIFY_PREFLIGHTS decides about preflights')
})

t.test('the log warns once for each refused origin, of a hundred at most', async t => {
  for (const nodeEnv of ['production', 'development'] as const) {
    const { app, lines } = await buildToyApp(t, { nodeEnv, corsOrigins: ['https://app.example.com'] })
    const ask = (origin: string) => app.inject({ url: '/thing/7', headers: { origin } })
    for (let round = 0; round < 3; round++) await ask(VITE)
    for (const allowed of ['https://app.example.com', 'https://auth.example.com']) await ask(allowed)
    const warnings = () => lines.map(line => JSON.parse(line)).filter(({ level }) => level === 40)
    t.match(warnings(), [{ msg: `CORS_ORIGINS=${VITE}` }])
    for (let port = 1; port < 300; port++) await ask(`http://localhost:${port}`)
    t.equal(warnings().length, 100)
  }
})
