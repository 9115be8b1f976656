import t from 'tap'
import { ClientToken } from '../../packages/verifier/src/feed/client-token.js'
import { Follower } from '../../packages/verifier/src/feed/follower.js'
import { until } from '../support/eventually.js'
import { startToyIssuer } from './toy-issuer.js'
import { startFollowing, startVerifier, verdict } from './verifiers.js'

t.test('with a wrong issuer the verifier is not fresh, and no token is answered with 401', async t => {
  const toy = await startToyIssuer(t)
  const options = { issuer: 'https://other.example', baseUrl: toy.url }
  for (const verifier of [startVerifier(t, options), startFollowing(t, toy, options)]) {
    t.equal(await verdict(verifier.verify(toy.token())), 'keys_unavailable', 'the first token of all')
    t.match(verifier.status(), { state: 'misconfigured', isFresh: false, lastError: /have the issuer http/ })
    t.equal(await verdict(verifier.verify(toy.token({ sid: 'other' }))), 'keys_unavailable')
    const errors = verifier.lines.filter(line => line.startsWith('error'))
    t.equal(errors.length, 1)
    t.match(errors[0], /`issuer` is https:\/\/other\.example/)
    await t.rejects(verifier.ready(), { code: 'keys_unavailable' })
  }
})

t.test('ready() waits until the issuer was compared', async t => {
  const toy = await startToyIssuer(t)
  const verifier = startVerifier(t, { issuer: 'https://other.example', baseUrl: toy.url })
  await t.rejects(verifier.ready(), { code: 'keys_unavailable', message: /have the issuer http/ })
})

t.test('when the service is corrected, tokens are verified again', async t => {
  const toy = await startToyIssuer(t)
  let issuer = 'https://old.example'
  toy.override.set('/.well-known/oauth-authorization-server', (_request, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ issuer })),
  )
  const verifier = startVerifier(t, { issuer: toy.url })
  await until(() => verifier.status().state === 'misconfigured')
  issuer = toy.url
  await until(() => verifier.status().isFresh, 'tokens are verified again', 20_000)
  t.equal(await verdict(verifier.verify(toy.token())), 'valid')
  t.equal(await verdict(verifier.verify(toy.token({ iss: 'https://old.example' }))), 'token_invalid')
})

t.test('a client secret that is refused is an error while no token is accepted', async t => {
  const toy = await startToyIssuer(t)
  toy.override.set('/oauth/token', (_request, response) =>
    response.writeHead(401, { 'content-type': 'application/json' }).end('{"error":"invalid_client"}'),
  )
  const verifier = startFollowing(t, toy)
  await until(() => verifier.lines.length > 0)
  t.match(verifier.lines, [/^error cannot follow revocations: .*check `client.id` and `client.secret`; no token/])
})

t.test('while no token is accepted, attempts to connect are at most two seconds apart', async t => {
  const nothing = () => {}
  const follower = new Follower({
    transport: { baseUrl: 'http://127.0.0.1:9', fetch },
    token: undefined as never,
    name: 'orders',
    maxStalenessSeconds: 60,
    now: () => ({ monotonicMs: 0, wallMs: 0 }),
    onConnected: nothing,
    onRevocations: nothing,
    onHeartbeat: nothing,
    onDisconnected: nothing,
  })
  t.equal(follower.longestPauseMs(), 2000)
})

t.test('a client token is asked for again after the pause that is allowed, however often it failed', async t => {
  const toy = await startToyIssuer(t)
  toy.override.set('/oauth/token', (_request, response) => response.writeHead(503).end())
  let nowMs = 0
  const { client, url: baseUrl } = toy
  const token = new ClientToken({
    transport: { baseUrl, fetch },
    client,
    monotonic: () => nowMs,
    longestPauseMs: () => 2000,
  })
  for (let attempt = 1; attempt <= 8; attempt++, nowMs += 2000) {
    await t.rejects(token.get())
    t.equal(toy.requests.length, attempt)
  }
})
