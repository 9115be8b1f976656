import type { FastifyInstance } from 'fastify'
import * as oauth from 'oauth4webapi'
import t, { type Test } from 'tap'
import { everyAddress } from '../attacks/every-route.js'
import { buildTestApp } from '../support/build-test-app.js'
import { PASSWORD, signUp } from '../support/people.js'

const PUBLIC_ORIGIN = 'https://example.com'

/** The service below a path, and a client for it. Some gateways strip the path, and others forward it. */
async function below(t: Test, PUBLIC_PATH: string, overrides: NodeJS.ProcessEnv = {}) {
  const test = await buildTestApp(t, { PUBLIC_ORIGIN, PUBLIC_PATH, ...overrides })
  const get = (url: string, headers = {}) => test.app.inject({ url, headers })
  return { ...test, get, path: test.config.publicPath }
}

const statusOf = async (app: FastifyInstance, url: string, method: string) =>
  (await app.inject({ method: method as 'GET', url })).statusCode

t.test('every URL that the service publishes starts with PUBLIC_PATH', async t => {
  const { get, app } = await below(t, '/identity')
  const metadata = (await get('/.well-known/oauth-authorization-server')).json()
  t.equal(metadata.issuer, 'https://example.com/identity')
  t.match(metadata, {
    jwks_uri: 'https://example.com/identity/.well-known/jwks.json',
    token_endpoint: 'https://example.com/identity/oauth/token',
    introspection_endpoint: 'https://example.com/identity/oauth/introspect',
    revocation_endpoint: 'https://example.com/identity/oauth/revoke',
  })
  const { servers } = (await get('/openapi.json')).json()
  t.match(servers, [{ url: '/identity' }, { url: 'https://example.com/identity' }])
  t.equal((await get('/docs/static/index.html')).headers.location, '/identity/docs/')
  const sources = [...(await get('/docs')).body.matchAll(/(?:src|href)="([^"]+)"/g)].map(match => match[1]!)
  t.ok(sources.length > 5)
  for (const source of sources) t.ok(source.startsWith('/identity/docs/static/'), source)
  const ada = await signUp(app)
  const [, claims = ''] = ada.accessToken.split('.')
  t.equal(JSON.parse(Buffer.from(claims, 'base64url').toString()).iss, 'https://example.com/identity')
})

for (const given of ['/identity', '/auth/', '/api', '/a/b.c'])
  t.test(`with PUBLIC_PATH=${given} every route is answered with and without the path`, async t => {
    const { app, path } = await below(t, given)
    await app.ready()
    const addresses = everyAddress(app)
    t.ok(addresses.length > 30)
    for (const { url, methods } of addresses)
      for (const method of methods.filter(method => ['GET', 'POST', 'PATCH', 'DELETE'].includes(method))) {
        // Without a valid body: this only checks that the same route answers.
        const [bare, prefixed] = [await statusOf(app, url, method), await statusOf(app, path + url, method)]
        t.equal(prefixed, bare, `${method} ${path}${url}`)
      }
    t.equal(await statusOf(app, `${path}/livez?deep`, 'GET'), 200)
    t.equal(await statusOf(app, path, 'GET'), 200)
    t.equal(await statusOf(app, `${path}/nothing`, 'GET'), 404)
  })

t.test('users can register, refresh, be verified and log out below PUBLIC_PATH', async t => {
  const { app, get } = await below(t, '/identity', { COOKIE_PATH: '/identity/auth' })
  const payload = { email: 'ada@example.com', password: PASSWORD }
  const registered = await app.inject({ method: 'POST', url: '/identity/auth/register', payload })
  t.match(registered.cookies, [{ name: '__Secure-latchkey', path: '/identity/auth' }])
  const headers = { cookie: `__Secure-latchkey=${registered.cookies[0]!.value}`, origin: PUBLIC_ORIGIN }
  const answer = await app.inject({ method: 'POST', url: '/identity/auth/refresh', headers })
  t.equal(answer.statusCode, 200)
  const authorization = `Bearer ${answer.json().access_token}`
  for (const url of ['/identity/auth/verify', '/identity/auth/verify/identity/auth/login?a=b'])
    t.match(await get(url, { authorization }), { statusCode: 200, body: '' }, url)
  t.equal((await get('/identity/auth/verify-role/editor/livez', { authorization })).statusCode, 403)

  const left = await app.inject({ method: 'POST', url: '/auth/logout', headers })
  const cleared = left.cookies.filter(({ value }) => value === '').map(({ path }) => path)
  for (const path of ['/', '/identity', '/identity/auth', '/identity/auth/']) t.ok(cleared.includes(path), path)
})

t.test('the metadata is at the addresses of both specifications, for both kinds of gateway', async t => {
  const { get } = await below(t, '/identity')
  const { body } = await get('/.well-known/oauth-authorization-server')
  for (const name of ['oauth-authorization-server', 'openid-configuration'])
    for (const url of [
      `/.well-known/${name}`,
      `/.well-known/${name}/identity`,
      `/identity/.well-known/${name}`,
      `/identity/.well-known/${name}/identity`,
      `/identity/.well-known/${name}/`,
    ])
      t.match(await get(url), { statusCode: 200, body }, url)
})

t.test('a strict OAuth client library finds the metadata from an issuer with a path', async t => {
  const { app, config } = await below(t, '/identity')
  const issuer = new URL(config.issuer)
  // As the gateway on that origin does: it forwards /identity/ and the one URL of RFC 8414.
  const viaGateway = async (url: string) => {
    const { statusCode: status, headers, body } = await app.inject(new URL(url).pathname)
    return new Response(body, { status, headers: { 'content-type': String(headers['content-type']) } })
  }
  for (const algorithm of ['oauth2', 'oidc'] as const) {
    const asked: string[] = []
    const options = {
      algorithm,
      [oauth.customFetch]: (url: string) => {
        asked.push(url)
        return viaGateway(url)
      },
    }
    const metadata = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options))
    t.equal(metadata.jwks_uri, 'https://example.com/identity/.well-known/jwks.json')
    const inserted = 'https://example.com/.well-known/oauth-authorization-server/identity'
    t.equal(
      asked[0],
      algorithm === 'oauth2' ? inserted : 'https://example.com/identity/.well-known/openid-configuration',
    )
  }
})
