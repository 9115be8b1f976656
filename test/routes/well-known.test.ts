import Fastify from 'fastify'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import t, { type Test } from 'tap'
import { ASSERTION_ALGORITHMS } from '../../src/domain/clients/assertion-checks.js'
import { ensureSigningKey } from '../../src/domain/keys/key-maintenance.js'
import { rotateSigningKey } from '../../src/domain/keys/rotate-signing-key.js'
import { wellKnownRoutes } from '../../src/http/routes/well-known.js'
import { claimsAt, openKeyDatabase, openKeyring, secretsOf } from '../domain/keys/key-database.js'

const secrets = secretsOf('only')
const options = { algorithm: 'ES256', keyEncryptionKeys: secrets.keyEncryptionKeys } as const

async function startApp(t: Test) {
  const database = await openKeyDatabase(t)
  await ensureSigningKey(database, options)
  const next = await rotateSigningKey(database, options)
  const keyring = await openKeyring(database, secrets)
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(wellKnownRoutes, {
    keyring,
    issuer: 'https://issuer.example',
    publicUrl: 'https://auth.example',
    publicPath: '',
    algorithm: 'EdDSA',
  })
  return { app, database, keyring, next }
}

t.test('an access token can be verified with the fetched JWKS', async t => {
  const { app, keyring } = await startApp(t)
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const token = keyring.signingKey(Date.now()).sign(claimsAt(Date.now()))
  const jwks = createRemoteJWKSet(new URL('/.well-known/jwks.json', origin))
  const { payload } = await jwtVerify(token, jwks, { typ: 'at+jwt' })
  t.equal(payload.sub, 'somebody')
})

t.test('the JWKS can be cached for six minutes and contains the next key, but no private key', async t => {
  const { app, keyring, next } = await startApp(t)
  const reply = await app.inject('/.well-known/jwks.json')
  t.equal(reply.statusCode, 200)
  t.match(reply.headers, {
    'content-type': /^application\/json/,
    'cache-control': 'public, max-age=300, stale-while-revalidate=60',
  })
  const { keys } = reply.json()
  t.same(
    keys.map(({ kid }: { kid: string }) => kid),
    [next.kid, keyring.signingKey(Date.now()).kid],
  )
  for (const key of keys) t.same(Object.keys(key).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
})

t.test('the authorization server metadata names the issuer, the JWKS and the endpoints', async t => {
  const { app } = await startApp(t)
  const methods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt']
  const reply = await app.inject('/.well-known/oauth-authorization-server')
  t.equal(reply.statusCode, 200)
  t.match(reply.headers, {
    'content-type': /^application\/json/,
    'cache-control': 'public, max-age=300, stale-while-revalidate=60',
  })
  t.same(reply.json(), {
    issuer: 'https://issuer.example',
    jwks_uri: 'https://auth.example/.well-known/jwks.json',
    response_types_supported: [],
    grant_types_supported: ['client_credentials', 'refresh_token'],
    scopes_supported: ['introspect', 'revocations', 'sessions', 'signals', 'admin'],
    token_endpoint: 'https://auth.example/oauth/token',
    token_endpoint_auth_methods_supported: methods,
    token_endpoint_auth_signing_alg_values_supported: [...ASSERTION_ALGORITHMS],
    introspection_endpoint: 'https://auth.example/oauth/introspect',
    introspection_endpoint_auth_methods_supported: methods,
    introspection_endpoint_auth_signing_alg_values_supported: [...ASSERTION_ALGORITHMS],
    revocation_endpoint: 'https://auth.example/oauth/revoke',
    revocation_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_signing_alg_values_supported: [...ASSERTION_ALGORITHMS],
    global_token_revocation_endpoint: 'https://auth.example/global-token-revocation',
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
  })
})

t.test('the metadata lists the algorithms of the keys as they are now', async t => {
  const { app, database, keyring, next } = await startApp(t)
  const algorithms = async () =>
    (await app.inject('/.well-known/openid-configuration')).json().id_token_signing_alg_values_supported
  const added = await rotateSigningKey(database, { ...options, algorithm: 'RS256' })
  await keyring.reload()
  t.same(await algorithms(), ['ES256', 'RS256'], 'the next key is listed before it signs')
  for (const kid of [keyring.signingKey(Date.now()).kid, next.kid, added.kid]) keyring.drop(kid)
  t.same(await algorithms(), ['EdDSA'], 'without a key, that of the next one')
})

t.test('the OpenID configuration is the same document, and names no endpoint that does not exist', async t => {
  const { app } = await startApp(t)
  const metadata = await app.inject('/.well-known/oauth-authorization-server')
  const reply = await app.inject('/.well-known/openid-configuration')
  t.equal(reply.statusCode, 200)
  t.equal(reply.body, metadata.body)
  t.equal(reply.headers['cache-control'], metadata.headers['cache-control'])
  for (const name of ['authorization_endpoint', 'userinfo_endpoint', 'registration_endpoint', 'end_session_endpoint'])
    t.notOk(name in reply.json(), name)
})
