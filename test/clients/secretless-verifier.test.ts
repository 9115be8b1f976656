import { createPrivateKey } from 'node:crypto'
import { rename, unlink, writeFile } from 'node:fs/promises'
import { clientFromEnvironment, createVerifier, type VerifierClient } from '@latchkey/verifier'
import { type CryptoKey, exportJWK, exportPKCS8 } from 'jose'
import * as oauth from 'oauth4webapi'
import t, { type Test } from 'tap'
import { changeClientCredentials } from '../../src/domain/clients/change-client.js'
import { makeSecretlessClient, ownAssertion, requestToken } from '../support/assertions.js'
import { buildTestApp } from '../support/build-test-app.js'
import { ACCOUNT, makeKey, startCluster } from '../support/cluster-issuer.js'
import { until } from '../support/eventually.js'
import { findFreePort } from '../support/free-port.js'
import { signUp } from '../support/people.js'
import { startVerifier, verdict } from '../verifier/verifiers.js'

/** The service on a port of its own. */
async function listen(t: Test) {
  const port = await findFreePort()
  const issuer = `http://127.0.0.1:${port}`
  const test = await buildTestApp(t, { PUBLIC_ORIGIN: issuer })
  await test.app.listen({ port, host: '127.0.0.1' })
  return { ...test, issuer }
}

t.test('a verifier in a pod follows the revocations with its projected token, which Kubernetes replaces', async t => {
  const { app, issuer } = await listen(t)
  const cluster = await startCluster(t, { audience: issuer })
  const id = await makeSecretlessClient(app, { issuer: cluster.issuer, subject: ACCOUNT })
  const file = `${t.testdir({})}/token`
  const write = async (token: string) => {
    await writeFile(`${file}.new`, `${token}\n`)
    await rename(`${file}.new`, file)
  }
  await write(await cluster.token())
  const verifier = startVerifier(t, { issuer, client: { id, assertionFile: file } })
  await verifier.ready()
  const { accessToken } = await signUp(app)
  t.equal(await verdict(verifier.verify(accessToken)), 'valid')

  cluster.keys = [await makeKey()]
  await write(await cluster.token())
  await app.context.db.clients.changeCredentials(id, {})
  await until(() => verifier.status().isFresh)
  await unlink(file)
  const second = startVerifier(t, { issuer, client: { id, assertionFile: file } })
  await t.rejects(second.ready({ timeoutMs: 300 }), { message: /token cannot be read \(ENOENT\)/ })
  await write(await cluster.token({ audience: ['other'] }))
  const third = startVerifier(t, { issuer, client: { id, assertionFile: file } })
  await t.rejects(third.ready({ timeoutMs: 1000 }), { message: /check `client\.id` and the file .*token/ })
})

for (const alg of ['ES256', 'ES384', 'EdDSA', 'RS256'])
  t.test(`a verifier signs with its own ${alg} key: a JWK, a PEM or a KeyObject`, async t => {
    const { app, issuer } = await listen(t)
    const key = await makeKey('v1', alg)
    const id = await makeSecretlessClient(app, { jwks: { keys: [key.jwk] } })
    const pem = await exportPKCS8(key.privateKey as CryptoKey)
    const jwk = { ...(await exportJWK(key.privateKey as CryptoKey)), kid: 'v1' }
    const file = `${t.testdir({ 'key.pem': pem })}/key.pem`
    const clients: (VerifierClient | undefined)[] = [
      { id, privateKey: jwk },
      { id, privateKey: createPrivateKey(pem), keyId: 'v1' },
      { id, assertion: () => ownAssertion(key, id, issuer) },
      clientFromEnvironment({ LATCHKEY_CLIENT_ID: id, LATCHKEY_CLIENT_KEY_FILE: file }),
    ]
    for (const client of clients) await startVerifier(t, { issuer, client: client! }).ready()
  })

t.test('a verifier signs with the algorithm that its JWK names', async t => {
  const { app, issuer } = await listen(t)
  for (const alg of ['RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'Ed25519']) {
    const { jwk, privateKey } = await makeKey('v1', alg)
    const id = await makeSecretlessClient(app, { jwks: jwk })
    const named = { ...(await exportJWK(privateKey as CryptoKey)), kid: 'v1', alg }
    await t.resolves(startVerifier(t, { issuer, client: { id, privateKey: named } }).ready(), alg)
    const wrong = { id, privateKey: { ...named, alg: 'ES256' } }
    t.throws(() => createVerifier({ issuer, client: wrong }), /`client\.privateKey` must be .*whose alg is one of/)
  }
})

t.test('the client is read from the environment', async t => {
  const id = 'a'
  t.equal(clientFromEnvironment({}), undefined)
  t.strictSame(clientFromEnvironment({ LATCHKEY_CLIENT_ID: id, LATCHKEY_CLIENT_SECRET: 's' }), { id, secret: 's' })
  const file = { LATCHKEY_CLIENT_ASSERTION_FILE: '/token' }
  t.strictSame(clientFromEnvironment({ LATCHKEY_CLIENT_ID: id, ...file }), { id, assertionFile: '/token' })
  t.throws(() => clientFromEnvironment(file), /LATCHKEY_CLIENT_ASSERTION_FILE is set, but LATCHKEY_CLIENT_ID is not/)
  t.throws(() => clientFromEnvironment({ LATCHKEY_CLIENT_ID: id }), /set one of LATCHKEY_CLIENT_SECRET/)
  t.throws(() => clientFromEnvironment({ LATCHKEY_CLIENT_ID: id, LATCHKEY_CLIENT_SECRET: 's', ...file }), /both set/)
  const missing = { LATCHKEY_CLIENT_ID: id, LATCHKEY_CLIENT_KEY_FILE: '/nowhere' }
  t.throws(() => clientFromEnvironment(missing), /LATCHKEY_CLIENT_KEY_FILE: \/nowhere cannot be read \(ENOENT\)/)
})

t.test('a wrong client option is named', async t => {
  const at = (client: unknown) => () => createVerifier({ issuer: 'https://a.example', client } as never)
  t.throws(at({ id: 'a', secret: 's', assertionFile: '/f' }), /`client\.assertionFile` cannot be given together with/)
  t.throws(at({ id: 'a', assertionFile: '' }), /`client\.assertionFile` must be the path/)
  t.throws(at({ id: 'a', assertion: 'x' }), /`client\.assertion` must be a function/)
  t.throws(at({ id: 'a', privateKey: 'x' }), /`client\.privateKey` must be a private key/)
  t.throws(at({ id: 'a', secret: 's', keyId: 'k' }), /`client\.keyId` must be/)
  const { jwk } = await makeKey('public', 'ES256')
  t.throws(at({ id: 'a', privateKey: jwk }), /`client\.privateKey` must be a private key/)
})

t.test('a strict OAuth client library authenticates with private_key_jwt', async t => {
  const { app, issuer } = await listen(t)
  const key = await makeKey('lib', 'ES256')
  const id = await makeSecretlessClient(app, { jwks: { keys: [key.jwk] } }, 'introspect')
  const options = { algorithm: 'oauth2', [oauth.allowInsecureRequests]: true } as const
  const url = new URL(issuer)
  const metadata = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, options))
  for (const endpoint of ['token', 'introspection', 'revocation'] as const) {
    t.ok(metadata[`${endpoint}_endpoint_auth_methods_supported`]?.includes('private_key_jwt'))
    const algorithms = metadata[`${endpoint}_endpoint_auth_signing_alg_values_supported`] as string[]
    t.ok(algorithms.includes('ES256') && algorithms.includes('RS256'))
    t.notOk(algorithms.some(name => name === 'none' || name.startsWith('HS')))
  }
  const auth = oauth.PrivateKeyJwt({ key: key.privateKey as CryptoKey, kid: 'lib' })
  const insecure = { [oauth.allowInsecureRequests]: true }
  const granted = await oauth.processClientCredentialsResponse(
    metadata,
    { client_id: id },
    await oauth.clientCredentialsGrantRequest(metadata, { client_id: id }, auth, {}, insecure),
  )
  t.match(granted, { scope: 'introspect', access_token: /^eyJ/ })
})

t.test('a library that sends the token endpoint as the audience works if that is registered', async t => {
  const { app, issuer } = await listen(t)
  const key = await makeKey('k', 'ES256')
  const endpoint = `${issuer}/oauth/token`
  const id = await makeSecretlessClient(app, { jwks: key.jwk, audiences: [issuer, endpoint] })
  const sent = async (aud: unknown) =>
    (await requestToken(app, id, await ownAssertion(key, id, issuer, { claims: { aud } }))).statusCode
  t.strictSame([await sent(issuer), await sent(endpoint), await sent([issuer, endpoint])], [200, 200, 200])
  t.equal(await sent([issuer, 'https://other.example.com']), 401)
})

t.test('a client changes from a secret to a key, and its earlier tokens are refused', async t => {
  const { app } = await buildTestApp(t)
  const { context } = app
  const key = await makeKey('k', 'ES256')
  const id = await makeSecretlessClient(app, { jwks: key.jwk }, 'admin')
  const token = (await requestToken(app, id, await ownAssertion(key, id, context.config.issuer))).json().access_token
  const users = async () =>
    (await app.inject({ url: '/admin/users', headers: { authorization: `Bearer ${token}` } })).statusCode
  t.equal(await users(), 200)
  const next = await makeKey('k2', 'ES256')
  await changeClientCredentials(context, id, { assertion: { jwks: next.jwk } }, 'test')
  t.equal(await users(), 401)
  const send = async (from: typeof key) =>
    (await requestToken(app, id, await ownAssertion(from, id, context.config.issuer))).statusCode
  t.strictSame([await send(key), await send(next)], [401, 200])
  const without = { code: 'client_without_credentials' }
  await t.rejects(changeClientCredentials(context, id, { assertion: null }, 'test'), without)
  const { secret } = await changeClientCredentials(context, id, { assertion: null, secret: true }, 'test')
  t.match(secret, /^lk_cs_/)
  t.equal(await send(next), 401)
  await t.rejects(changeClientCredentials(context, id, { secret: false }, 'test'), without)
})
