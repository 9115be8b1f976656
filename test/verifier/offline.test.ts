import { generateKeyPairSync } from 'node:crypto'
import { VerifierError } from '@latchkey/verifier'
import t from 'tap'
import { until } from '../support/eventually.js'
import { startToyIssuer } from './toy-issuer.js'
import { toyKey } from './toy-tokens.js'
import { inSeconds, knownVerdict, startVerifier, verdict } from './verifiers.js'

t.test('a valid token gives its principal', async t => {
  const toy = await startToyIssuer(t)
  const verifier = startVerifier(t, { issuer: toy.url })
  const claims = {
    sub: 'u1',
    sid: 's1',
    jti: 'j1',
    client_id: 'c1',
    iat: inSeconds(-5),
    exp: inSeconds(60),
    gen: 7,
    ver: 3,
  }
  const ext = { tenant: 'acme' }
  const token = toy.token({ ...claims, auth_time: inSeconds(-9), roles: ['editor', 'author'], roles_version: 2, ext })
  const principal = await verifier.verify(token)
  t.strictSame(principal, {
    userId: 'u1',
    sessionId: 's1',
    jti: 'j1',
    kid: toy.keys[0]!.kid,
    clientId: 'c1',
    issuedAt: claims.iat,
    expiresAt: claims.exp,
    authTime: principal.authTime,
    claims: { tenant: 'acme' },
    roles: ['editor', 'author'],
    generation: 7,
    tokenVersion: 3,
    rolesVersion: 2,
  })
  t.equal(verifier.verifyKnown(token), principal, 'the same object, without another signature check')
})

t.test('keys for ES256, EdDSA and RS256 verify tokens', async t => {
  const toy = await startToyIssuer(t)
  toy.keys.push(toyKey('EdDSA'), toyKey('RS256'))
  const verifier = startVerifier(t, { issuer: toy.url })
  for (const key of toy.keys) t.equal(await verdict(verifier.verify(toy.token({}, key))), 'valid', key.alg)
  t.equal(verifier.status().keys, 3)
})

t.test('a token is refused with the code of its defect', async t => {
  const toy = await startToyIssuer(t)
  const verifier = startVerifier(t, { issuer: toy.url, audience: 'orders' })
  const token = (claims = {}) => toy.token({ aud: 'orders', ...claims })
  t.equal(await verdict(verifier.verify(token())), 'valid', 'control')
  t.equal(await verdict(verifier.verify(toy.token())), 'token_invalid', 'another audience')
  t.equal(await verdict(verifier.verify(token({ iss: 'https://other.example' }))), 'token_invalid', 'another issuer')
  t.equal(await verdict(verifier.verify(token({ exp: inSeconds(-30) }))), 'token_expired')
  t.equal(await verdict(verifier.verify(`${token().slice(0, -4)}AAAA`)), 'token_invalid', 'another signature')
  t.equal(await verdict(verifier.verify('')), 'authentication_required')
  for (const nothing of [undefined, null, 5, {}, ['a']])
    t.equal(await verdict(verifier.verify(nothing as never)), 'authentication_required', String(nothing))
  t.equal(knownVerdict(verifier, token()), 'unknown', 'verifyKnown checks no signature')
})

t.test('the clock may be wrong by the tolerance, and by no more', async t => {
  const toy = await startToyIssuer(t)
  const verifier = startVerifier(t, { issuer: toy.url, clockToleranceSeconds: 10 })
  t.equal(await verdict(verifier.verify(toy.token({ exp: inSeconds(-5) }))), 'valid')
  t.equal(await verdict(verifier.verify(toy.token({ exp: inSeconds(-12) }))), 'token_expired')
})

t.test('a token that was known is refused when it has expired', async t => {
  const toy = await startToyIssuer(t)
  const verifier = startVerifier(t, { issuer: toy.url, clockToleranceSeconds: 0 })
  const token = toy.token({ exp: inSeconds(1) })
  t.equal(await verdict(verifier.verify(token)), 'valid')
  await until(() => knownVerdict(verifier, token) !== 'valid')
  t.equal(await verdict(verifier.verify(token)), 'token_expired')
})

t.test('the status says that revocations are not followed', async t => {
  const toy = await startToyIssuer(t)
  const verifier = startVerifier(t, { issuer: toy.url })
  t.match(verifier.status(), { mode: 'offline', state: 'starting', isFresh: false, keys: 0 })
  await verifier.ready()
  t.match(verifier.status(), {
    mode: 'offline',
    state: 'fresh',
    isFresh: true,
    keys: 1,
    revocations: 0,
    connected: false,
  })
  t.notOk(toy.requests.some(request => request.includes('revocations') || request.includes('token')))
})

t.test('while the keys cannot be read, tokens are refused with 503 and never with 401', async t => {
  const toy = await startToyIssuer(t)
  await toy.stop()
  const verifier = startVerifier(t, { issuer: toy.url })
  const error = await verifier.verify(toy.token()).catch(error => error)
  t.ok(error instanceof VerifierError)
  t.match(error, { code: 'keys_unavailable', status: 503, retryAfterSeconds: 1 })
  t.match(verifier.status(), { state: 'starting', keys: 0, lastError: /cannot be read: GET .*ECONNREFUSED/ })
  await toy.restart()
  await verifier.ready()
  t.equal(await verdict(verifier.verify(toy.token())), 'valid')
  t.match(verifier.lines, [
    /^warn verifies offline/,
    /^error the public keys cannot be read/,
    /^warn the public keys can be read again/,
  ])
  t.equal(verifier.status().lastError, undefined)
})

t.test('an issuer that differs from the one of the service is reported, and ready() rejects', async t => {
  const toy = await startToyIssuer(t)
  const verifier = startVerifier(t, { issuer: 'https://auth.example.com', baseUrl: toy.url })
  await t.rejects(verifier.ready(), { message: /option `issuer` is https:\/\/auth\.example\.com, but .*127\.0\.0\.1/ })
  t.match(verifier.lines, [/^warn verifies offline/, /^error the option `issuer`/])
})

t.test('a key of another kind, for another purpose, or private is not used', async t => {
  const toy = await startToyIssuer(t)
  const [first] = toy.keys
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  const oct = { kty: 'oct', kid: 'oct', alg: 'HS256', k: 'AAAA' }
  const p384 = { ...privateKey.export({ format: 'jwk' }), kid: 'p384' }
  const encryption = { ...toyKey().jwk, kid: 'enc', use: 'enc' }
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
  const others = [
    oct,
    p384,
    encryption,
    { ...rsa, kid: 'short' },
    { ...first!.jwk, kid: 5 },
    null,
    'key',
    { kty: 'EC', kid: 'x' },
  ]
  toy.override.set('/.well-known/jwks.json', (_request, response) =>
    response
      .writeHead(200, { 'content-type': 'application/jwk-set+json' })
      .end(JSON.stringify({ keys: [...others, first!.jwk] })),
  )
  const verifier = startVerifier(t, { issuer: toy.url })
  await verifier.ready()
  t.equal(verifier.status().keys, 1)
  t.equal(await verdict(verifier.verify(toy.token())), 'valid')
})
