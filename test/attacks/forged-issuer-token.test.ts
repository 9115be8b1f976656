import { createHmac, randomUUID } from 'node:crypto'
import { exportJWK, exportSPKI, generateKeyPair, importJWK } from 'jose'
import t, { type Test } from 'tap'
import { authenticateByAssertion } from '../../src/domain/clients/authenticate-by-assertion.js'
import type { GivenAssertion } from '../../src/domain/clients/register-assertion.js'
import { makeSecretlessClient, requestToken } from '../support/assertions.js'
import { buildTestApp } from '../support/build-test-app.js'
import { ACCOUNT, makeKey, startCluster } from '../support/cluster-issuer.js'

async function withPod(t: Test, given: Partial<GivenAssertion> = {}) {
  const cluster = await startCluster(t)
  const test = await buildTestApp(t)
  const registered = { issuer: cluster.issuer, subject: ACCOUNT, audiences: ['latchkey'], ...given }
  const id = await makeSecretlessClient(test.app, registered)
  const send = async (token: string, at = test.app) => (await requestToken(at, id, token)).statusCode
  return { ...test, cluster, id, send }
}

const now = () => Math.floor(Date.now() / 1000)
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

t.test('a pod gets tokens with the same projected token again and again, at every instance', async t => {
  const { app, cluster, id, send, another } = await withPod(t)
  const token = await cluster.token()
  t.match((await requestToken(app, id, token)).json(), { access_token: /^eyJ/, scope: 'revocations' })
  t.equal(await send(token), 200)
  t.equal(await send(token, (await another()).app), 200)
  t.equal(await send(await cluster.token({ audience: ['other', 'latchkey'] })), 200, 'one of several audiences')
  t.equal(await send(await cluster.token({ claims: { jti: undefined } })), 200, 'Kubernetes before 1.32 has no jti')
  t.strictSame(cluster.requests, ['/.well-known/openid-configuration', '/openid/v1/jwks', ...cluster.requests.slice(2)])
  t.equal(cluster.requests.length, 4, 'each instance read the keys once')
  const unnamed = await requestToken(app, undefined, token)
  t.match(unnamed.json(), { error: 'invalid_request', error_description: /^client_id is required/ })
})

t.test('another token with a jti that was used is refused', async t => {
  const { cluster, send } = await withPod(t)
  const jti = randomUUID()
  t.equal(await send(await cluster.token({ claims: { jti } })), 200)
  t.equal(await send(await cluster.token({ claims: { jti } })), 401, 'it belongs to another pod')
})

t.test('a token of a client with one-time tokens is accepted once, with and without jti', async t => {
  const { cluster, send } = await withPod(t, { oneTime: true })
  for (const claims of [{}, { jti: undefined }]) {
    const token = await cluster.token({ claims })
    t.strictSame([await send(token), await send(token)], [200, 401])
  }
})

t.test('a token that another pod, issuer or key made is refused', async t => {
  const { app, cluster, id, send } = await withPod(t)
  const hostile = await startCluster(t)
  const [own, foreign] = [cluster.keys[0]!, hostile.keys[0]!]
  const spki = await exportSPKI((await importJWK(own.jwk, 'RS256')) as never)
  const claims = { iss: cluster.issuer, sub: ACCOUNT, aud: ['latchkey'], exp: now() + 600, iat: now(), jti: 'j' }
  const signed = `${part({ alg: 'HS256', kid: own.kid })}.${part(claims)}`
  const embedded = { jwk: foreign.jwk, jku: `${hostile.issuer}/openid/v1/jwks`, kid: own.kid }
  const account = (subject: string) => cluster.token({ subject })
  const bad: [reason: string, title: string, token: string][] = [
    ['wrong_subject', 'another account', await account('system:serviceaccount:shop:web')],
    ['wrong_subject', 'the same name in another namespace', await account('system:serviceaccount:other:api')],
    ['wrong_subject', 'the default account', await account('system:serviceaccount:shop:default')],
    ['wrong_subject', 'a name that begins like the registered one', await account(`${ACCOUNT}-2`)],
    ['wrong_issuer', 'another cluster', await hostile.token()],
    ['wrong_issuer', 'the issuer with a final slash', await cluster.token({ claims: { iss: `${cluster.issuer}/` } })],
    ['key_unknown', 'the key of another cluster', await cluster.token({ key: foreign })],
    [
      'wrong_signature',
      'the key of another cluster, with our kid',
      await cluster.token({ key: { ...foreign, kid: own.kid } }),
    ],
    ['wrong_signature', 'a key in the header', await cluster.token({ key: foreign, header: embedded })],
    [
      'algorithm_not_allowed',
      'HS256 with the public key',
      `${signed}.${createHmac('sha256', spki).update(signed).digest('base64url')}`,
    ],
    ['algorithm_not_allowed', 'alg none', `${part({ alg: 'none', kid: own.kid })}.${part(claims)}.`],
    ['wrong_audience', 'the API server as the audience', await cluster.token({ audience: [cluster.issuer] })],
    ['wrong_audience', 'no audience', await cluster.token({ claims: { aud: undefined } })],
    [
      'expired',
      'an expired one',
      await cluster.token({ claims: { iat: now() - 4000, nbf: now() - 4000, exp: now() - 31 } }),
    ],
    ['not_yet_valid', 'one that is not valid yet', await cluster.token({ claims: { nbf: now() + 120 } })],
    ['no_expiry', 'a token of the old kind', await cluster.token({ claims: { exp: undefined } })],
    [
      'expires_too_late',
      'one that is valid for a year',
      await cluster.token({ claims: { exp: now() + 365 * 86_400 } }),
    ],
    [
      'expires_too_late',
      'one near the end of its year',
      await cluster.token({ claims: { iat: now() - 364 * 86_400 } }),
    ],
  ]
  for (const [reason, title, assertion] of bad) {
    const refused = await authenticateByAssertion(app.context, { clientId: id, assertion }).catch(error => error)
    t.match(refused, { code: 'invalid_client', reason }, title)
    t.equal(await send(assertion), 401, title)
  }
  t.strictSame(hostile.requests, [], 'no address in a token is requested')
  t.equal(await send(await cluster.token()), 200)
})

t.test('a token of a pod is not the assertion of another client of this cluster', async t => {
  const { app, cluster } = await withPod(t)
  const other = { issuer: cluster.issuer, subject: 'system:serviceaccount:shop:web', audiences: ['latchkey'] }
  const id = await makeSecretlessClient(app, other)
  t.equal((await requestToken(app, id, await cluster.token())).statusCode, 401)
})

t.test('what cannot identify one workload is not registered', async t => {
  const { app } = await buildTestApp(t)
  const issuer = 'https://kubernetes.default.svc'
  const subject = ACCOUNT
  const { jwk } = await makeKey('k', 'ES256')
  const pair = await generateKeyPair('ES256', { extractable: true })
  const { jwk: rsa } = await makeKey('k', 'RS256')
  const bad: [field: string, given: GivenAssertion][] = [
    ['subject', { issuer, subject: 'system:serviceaccount:shop:default' }],
    ['subject', { issuer, subject: 'system:serviceaccount:shop:*' }],
    ['subject', { issuer, subject: 'repo:acme/*' }],
    ['subject', { issuer, subject: 'system:serviceaccount:shop' }],
    ['subject', { issuer, subject: 'system:serviceaccount:shop:api:x' }],
    ['subject', { issuer, subject: ' ' }],
    ['subject', { issuer }],
    ['issuer', { subject }],
    ['issuer', { issuer: 'http://issuer.example.com', subject }],
    ['issuer', { issuer: 'kubernetes/serviceaccount', subject }],
    ['jwks_uri', { jwksUri: 'http://169.254.169.254/latest' }],
    ['jwks_uri', { jwksUri: 'file:///etc/passwd' }],
    ['jwks_uri', { jwksUri: 'https://user:password@example.com/' }],
    ['jwks', { jwks: { keys: [] } }],
    ['jwks', { jwks: 'x' }],
    ['jwks', { jwks: jwk, jwksUri: 'https://example.com/' }],
    ['jwks', { jwks: { keys: [await exportJWK(pair.privateKey)] } }],
    ['jwks', { jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } }],
    ['jwks', { jwks: { keys: [{ ...jwk, x: 'AAAA' }] } }],
    ['jwks', { jwks: { keys: [{ ...rsa, n: rsa.n!.slice(0, 171) }] } }],
    ['jwks', { jwks: { keys: [{ ...jwk, use: 'enc' }] } }],
    ['jwks', { jwks: { keys: [{ ...rsa, n: `${'A'.repeat(200)}${rsa.n!.slice(0, 170)}` }] } }],
    ['ca', { issuer, subject, ca: 'not a certificate' }],
    ['ca', { jwks: jwk, ca: 'x' }],
    ['audience', { jwks: jwk, audiences: [''] }],
    ['one_time', { jwks: jwk, oneTime: true }],
  ]
  for (const [field, given] of bad)
    await t.rejects(
      makeSecretlessClient(app, given),
      { code: 'invalid_client_assertion', errors: [{ field }] },
      JSON.stringify(given).slice(0, 100),
    )
  const named = { issuer, subject: 'system:serviceaccount:shop:default', allowDefaultAccount: true }
  await t.resolves(makeSecretlessClient(app, named))
})

t.test('while the issuer is down an unknown key gets 503, which counts for the address of the sender', async t => {
  const cluster = await startCluster(t)
  const { app } = await buildTestApp(t, { RATE_LIMIT: 'on', RATE_LIMIT_PER_ADDRESS: '1' })
  const id = await makeSecretlessClient(app, { issuer: cluster.issuer, subject: ACCOUNT, audiences: ['latchkey'] })
  const known = await cluster.token()
  t.equal((await requestToken(app, id, known)).statusCode, 200)
  cluster.answer = (_request, response) => response.destroy()
  t.equal((await requestToken(app, id, known)).statusCode, 200, 'a known key goes on')
  const other = await makeSecretlessClient(app, {
    issuer: cluster.issuer,
    subject: ACCOUNT,
    audiences: ['latchkey'],
    jwksUri: `${cluster.issuer}/other`,
  })
  for (let sent = 0; sent < 20; sent++) {
    const answer = await requestToken(app, other, known)
    t.match(answer, { statusCode: 503, headers: { 'retry-after': /^\d+$/ } })
    t.match(answer.json(), { error: 'temporarily_unavailable' })
  }
  t.equal((await requestToken(app, other, known)).statusCode, 429)
  t.equal((await requestToken(app, id, known)).statusCode, 200, 'a client that is authenticated has its own limit')
})
