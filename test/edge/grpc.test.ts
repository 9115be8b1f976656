import { credentials, makeClientConstructor, type ServiceError } from '@grpc/grpc-js'
import t, { type Test } from 'tap'
import { type CheckRequest, type CheckResponse, EXT_AUTHZ, type HttpRequest } from '../../src/edge/grpc/ext-authz.js'
import { edgeEnv, startEdge } from '../support/edge-process.js'
import { until } from '../support/eventually.js'
import { startToyIssuer } from '../verifier/toy-issuer.js'

const toy = await startToyIssuer(t)
const editor = toy.token({ sub: 'ada', sid: 'a-session', roles: ['editor'] })
const RULES = `
rules:
  - { prefix: /assets, access: public }
  - { prefix: /admin, roles: [admin] }
  - { prefix: /api, access: signed in, preflights: true }
`

type Check = (request: CheckRequest, done: (error: ServiceError | null, answer: CheckResponse) => void) => void

async function startCheck(t: Test, env: NodeJS.ProcessEnv = {}) {
  const edge = await startEdge(t, { ...edgeEnv(toy), EDGE_RULES: RULES, EDGE_GRPC_PORT: 'free', ...env })
  const Client = makeClientConstructor(EXT_AUTHZ, 'Authorization')
  const client = new Client(edge.grpc, credentials.createInsecure())
  t.teardown(() => client.close())
  const check = (client as unknown as { Check: Check }).Check.bind(client)
  return (http: HttpRequest): Promise<CheckResponse> =>
    new Promise((resolve, reject) =>
      check({ attributes: { request: { http } } }, (error, answer) => (error ? reject(error) : resolve(answer))),
    )
}

function bearer(token: string, headers: Record<string, string> = {}) {
  return { authorization: `Bearer ${token}`, ...headers }
}

function pairsOf(options: readonly { header: { key: string; value: string } }[] = []) {
  return Object.fromEntries(options.map(({ header: { key, value } }) => [key, value]))
}

t.test('an allowed request gets the identity headers, and nothing that the client sent in their place', async t => {
  const check = await startCheck(t)
  const forged = {
    'x-auth-subject': 'root',
    'x-auth-roles': 'admin',
    x_auth_roles: 'admin',
    'x-auth-request-user': 'root',
  }
  const { status, okResponse } = await check({ method: 'GET', path: '/orders?x=1', headers: bearer(editor, forged) })
  t.equal(status.code, 0)
  t.same(pairsOf(okResponse?.headers), {
    'x-auth-subject': 'ada',
    'x-auth-session': 'a-session',
    'x-auth-roles': 'editor',
  })
  t.same([...okResponse!.headersToRemove].sort(), ['x-auth-request-user', 'x_auth_roles'])

  const nobody = await check({ method: 'GET', path: '/assets/app.js', headers: { ...forged } })
  t.equal(nobody.status.code, 0)
  t.same(pairsOf(nobody.okResponse?.headers), {})
  t.same([...nobody.okResponse!.headersToRemove].sort(), [
    'x-auth-request-user',
    'x-auth-roles',
    'x-auth-session',
    'x-auth-subject',
    'x_auth_roles',
  ])
  const without = await check({ method: 'GET', path: '/orders', headers: bearer(toy.token({ roles: [] }), forged) })
  t.ok(without.okResponse!.headersToRemove.includes('x-auth-roles'), 'a user without roles')
})

t.test('the refresh cookie never reaches the service, and other cookies do', async t => {
  const check = await startCheck(t)
  const cookie = async (sent: string) => {
    const { okResponse } = await check({ method: 'GET', path: '/orders', headers: bearer(editor, { cookie: sent }) })
    return okResponse!.headersToRemove?.includes('cookie')
      ? 'removed'
      : (pairsOf(okResponse?.headers).cookie ?? 'as sent')
  }
  t.equal(await cookie('a=1; __Host-latchkey=lk; __Host-latchkey-0af=lk; b=2'), 'a=1; b=2')
  t.equal(await cookie('__Host-latchkey=lk;b=2'), 'b=2')
  t.equal(await cookie('__Host-latchkey=lk; __Host-latchkey=old'), 'removed')
  t.equal(await cookie('a=1; __Host-latchkey-at=jwt; __Host-latchkeys=3'), 'as sent')
})

t.test('a refused request is answered with a status, headers and problem details', async t => {
  const check = await startCheck(t)
  const ask = async (http: HttpRequest) => {
    const { status, deniedResponse } = await check(http)
    const { status: denied, headers, body } = deniedResponse!
    return { rpc: status.code, status: denied.code, headers: pairsOf(headers), code: JSON.parse(body).code }
  }
  t.match(await ask({ method: 'GET', path: '/orders', headers: {} }), {
    rpc: 16,
    status: 401,
    headers: {
      'www-authenticate': 'Bearer',
      'content-type': /^application\/problem\+json/,
      'cache-control': 'no-store',
    },
    code: 'authentication_required',
  })
  t.match(await ask({ method: 'GET', path: '/orders', headers: bearer('x') }), {
    rpc: 16,
    status: 401,
    code: 'token_invalid',
  })
  t.match(await ask({ method: 'GET', path: '/admin', headers: bearer(editor) }), {
    rpc: 7,
    status: 403,
    code: 'insufficient_role',
  })
  t.match(await ask({ method: 'GET', path: '/assets/../admin', headers: bearer(editor) }), {
    rpc: 7,
    status: 403,
    code: 'ambiguous_path',
  })
  t.match(await ask({ headers: bearer(editor) }), { rpc: 7, status: 403, code: 'request_not_described' })
  t.match(await ask({}), { rpc: 7, status: 403, code: 'request_not_described' })
  const repeated = ['authorization', 'Authorization'].map(key => ({ key, rawValue: Buffer.from(`Bearer ${editor}`) }))
  t.match(await ask({ method: 'GET', path: '/orders', headerMap: { headers: repeated } }), {
    status: 401,
    code: 'token_invalid',
  })
})

t.test('raw headers and preflights are understood', async t => {
  const check = await startCheck(t)
  const raw = [{ key: 'authorization', rawValue: Buffer.from(`Bearer ${editor}`) }]
  t.equal((await check({ method: 'POST', path: '/orders', headerMap: { headers: raw } })).status.code, 0)
  const preflight = { origin: 'https://app.example.com', 'access-control-request-method': 'PUT' }
  t.equal((await check({ method: 'OPTIONS', path: '/api/a', headers: preflight })).status.code, 0)
  t.equal((await check({ method: 'OPTIONS', path: '/orders', headers: preflight })).status.code, 16)
})

t.test('the access cookie is accepted, but not from pages of other sites', async t => {
  const check = await startCheck(t, { EDGE_ACCESS_COOKIE: '__Host-latchkey-at' })
  const headers = { cookie: `__Host-latchkey-at=${editor}`, ':authority': 'shop.example.com' }
  const codeOf = async (method: string, more = {}) =>
    (await check({ method, path: '/orders', host: 'shop.example.com', headers: { ...headers, ...more } })).status.code
  t.equal(await codeOf('GET'), 0)
  t.equal(await codeOf('POST', { origin: 'https://shop.example.com' }), 0)
  t.equal(await codeOf('POST', { origin: 'https://evil.example.com' }), 7)
})

t.test('a revoked token is refused, and a token near its end is said so in the answer to the client', async t => {
  const check = await startCheck(t)
  const sid = 'aaaaaaaa-0000-4000-8000-000000000003'
  const now = Math.floor(Date.now() / 1000)
  const token = toy.token({ sid, iat: now - 800, exp: now + 100 })
  const ask = () => check({ method: 'GET', path: '/orders', headers: bearer(token) })
  t.same(pairsOf((await ask()).okResponse?.responseHeadersToAdd), { 'x-token-refresh-required': 'true' })
  for (const stream of toy.streams) stream.entries({ kind: 'session', sid, exp: now + 900, reason: 'logout' })
  await until(async () => (await ask()).status.code === 16)
  t.equal(JSON.parse((await ask()).deniedResponse!.body).code, 'token_revoked')
})

t.test('the messages are those of Envoy on the wire', async t => {
  const bytes = Buffer.from(
    EXT_AUTHZ.Check!.requestSerialize({
      attributes: { request: { http: { method: 'GET', path: '/a', headers: { b: 'c' } } } },
    }),
  )
  // attributes 1 { request 4 { http 2 { method 2, headers 3 { 1, 2 }, path 4 } } }
  t.equal(bytes.toString('hex'), ['0a1522131211', '1203474554', '1a060a0162120163', '22022f61'].join(''))
  t.equal(EXT_AUTHZ.Check!.path, '/envoy.service.auth.v3.Authorization/Check')
  const denied = {
    status: { code: 7 },
    deniedResponse: { status: { code: 403 }, headers: [{ header: { key: 'a', value: 'b' } }], body: 'x' },
  }
  const answer = Buffer.from(EXT_AUTHZ.Check!.responseSerialize(denied)).toString('hex')
  t.equal(answer, ['0a020807', '1212', '0a03089303', '1208', '0a060a0161120162', '1a0178'].join(''))
  const ok = { status: { code: 0 }, okResponse: { headers: [], headersToRemove: ['x'], responseHeadersToAdd: [] } }
  t.equal(Buffer.from(EXT_AUTHZ.Check!.responseSerialize(ok)).toString('hex').slice(-10), '1a032a0178')
})
