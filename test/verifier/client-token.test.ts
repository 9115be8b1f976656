import type { ServerResponse } from 'node:http'
import t from 'tap'
import { ClientToken } from '../../packages/verifier/src/feed/client-token.js'
import { until } from '../support/eventually.js'
import { startToyIssuer, type ToyIssuer } from './toy-issuer.js'
import { startFollowing } from './verifiers.js'

/** A clock that the test sets, and the tokens that the toy gives out one after the other. */
async function start(t: Parameters<typeof startToyIssuer>[0], expiresIn: unknown = 300) {
  const toy = await startToyIssuer(t)
  let issued = 0
  toy.override.set('/oauth/token', (_request, response) =>
    json(response, 200, { access_token: `t${++issued}`, expires_in: expiresIn }),
  )
  const time = { ms: 1000 }
  const token = new ClientToken({
    transport: { fetch, baseUrl: toy.url },
    client: toy.client,
    monotonic: () => time.ms,
  })
  return { toy, token, time }
}

function json(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

const asked = (toy: ToyIssuer) => toy.requests.filter(request => request === 'POST /oauth/token').length

t.test('concurrent callers share one request, and later ones use its token', async t => {
  const { toy, token } = await start(t)
  t.strictSame(await Promise.all([token.get(), token.get()]), ['t1', 't1'])
  t.equal(await token.get(), 't1')
  t.equal(asked(toy), 1)
})

t.test('a token is renewed in the second half of its lifetime, and sent until the next one is there', async t => {
  const { toy, token, time } = await start(t)
  await token.get()
  time.ms += 149_000
  t.equal(await token.get(), 't1')
  t.equal(asked(toy), 1, 'not in the first half')
  time.ms += 92_000
  t.equal(await token.get(), 't1')
  await until(() => asked(toy) === 2)
  await until(async () => (await token.get()) === 't2')
})

t.test('a token near its end is not sent any more', async t => {
  const { token, time } = await start(t)
  await token.get()
  time.ms += 286_000
  t.equal(await token.get(), 't2')
})

t.test('a token that the service refused is not sent again', async t => {
  const { token } = await start(t)
  const first = await token.get()
  token.forget('another')
  t.equal(await token.get(), first)
  token.forget(first)
  t.equal(await token.get(), 't2')
})

t.test('a wrong secret is named, without it, and is not tried in a loop', async t => {
  const { toy, token, time } = await start(t)
  toy.override.set('/oauth/token', (_request, response) => json(response, 401, { error: 'invalid_client' }))
  for (let attempt = 0; attempt < 20; attempt++) {
    const error = (await token.get().catch(error => error)) as Error
    t.match(error.message, /answered with 401 invalid_client: check `client\.id` and `client\.secret`/)
    t.notMatch(`${error.message} ${error.stack} ${JSON.stringify(error)}`, toy.client.secret)
    t.notMatch(String(error.message), Buffer.from(toy.client.secret).toString('base64').slice(0, 12))
    time.ms += 200
  }
  t.equal(asked(toy), 1)
  time.ms += 61_000
  await t.rejects(token.get())
  t.equal(asked(toy), 2)
})

t.test('a client without the scope is told so', async t => {
  const { toy, token } = await start(t)
  toy.override.set('/oauth/token', (_request, response) => json(response, 400, { error: 'invalid_scope' }))
  await t.rejects(token.get(), { message: /give the client the scope `revocations`/ })
})

t.test('a service that cannot answer now is asked again soon', async t => {
  const { toy, token, time } = await start(t)
  toy.override.set('/oauth/token', (_request, response) => json(response, 503, { error: 'temporarily_unavailable' }))
  await t.rejects(token.get(), { message: /503 temporarily_unavailable$/ })
  toy.override.delete('/oauth/token')
  time.ms += 600
  t.match(await token.get(), /^client-token/)
})

t.test('an answer without a usable token is refused', async t => {
  for (const body of [
    {},
    { access_token: 5 },
    { access_token: 'a b' },
    { access_token: 'a\r\nX: y' },
    [],
    null,
    'token',
  ]) {
    const { toy, token } = await start(t)
    toy.override.set('/oauth/token', (_request, response) => json(response, 200, body))
    await t.rejects(token.get(), { message: /no access token/ }, JSON.stringify(body))
  }
})

t.test('a lifetime that is missing or wrong counts as a minute', async t => {
  for (const expiresIn of ['soon', -1, 0, null]) {
    const { token, time } = await start(t, expiresIn)
    t.equal(await token.get(), 't1')
    time.ms += 58_000
    t.equal(await token.get(), 't2', String(expiresIn))
  }
})

t.test('a redirect is not followed: the secret must not reach another address', async t => {
  const { toy, token } = await start(t)
  const other = await startToyIssuer(t)
  for (const status of [301, 302, 303, 307, 308]) {
    toy.override.set('/oauth/token', (_request, response) =>
      response.writeHead(status, { location: `${other.url}/oauth/token` }).end(),
    )
    await t.rejects(
      new ClientToken({ transport: { fetch, baseUrl: toy.url }, client: toy.client, monotonic: () => 0 }).get(),
      {
        message: /redirect, which is not followed: check `baseUrl`/,
      },
    )
  }
  await t.resolves(token.get().catch(() => {}))
  t.strictSame(other.requests, [])
})

t.test('a wrong secret is in lastError and in the error of ready(), and tokens are refused with 503', async t => {
  const toy = await startToyIssuer(t)
  toy.override.set('/oauth/token', (_request, response) => json(response, 401, { error: 'invalid_client' }))
  const verifier = startFollowing(t, toy)
  await t.rejects(verifier.ready({ timeoutMs: 300 }), {
    code: 'revocations_stale',
    message: /not ready after 0\.3 s: cannot follow revocations: .*invalid_client: check `client\.id`/,
  })
  t.match(verifier.status().lastError, /check `client\.id` and `client\.secret`/)
  t.notMatch(JSON.stringify([verifier.lines, verifier.status()]), toy.client.secret)
})

t.test('a client that gets its scope, or its new secret, later is followed then', async t => {
  const toy = await startToyIssuer(t)
  const refuse = (_request: unknown, response: ServerResponse) => json(response, 403, { code: 'insufficient_scope' })
  toy.override.set('/auth/revocations', refuse)
  const verifier = startFollowing(t, toy)
  await until(() => /403 insufficient_scope/.test(verifier.status().lastError ?? ''))
  toy.override.delete('/auth/revocations')
  await verifier.ready()
  t.equal(verifier.status().lastError, undefined)
})
