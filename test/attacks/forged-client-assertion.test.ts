import { createHmac } from 'node:crypto'
import { exportSPKI, FlattenedSign, importJWK } from 'jose'
import t, { type Test } from 'tap'
import { authenticateByAssertion } from '../../src/domain/clients/authenticate-by-assertion.js'
import { cleanUp } from '../../src/domain/maintenance.js'
import { ASSERTION_TYPE, makeSecretlessClient, ownAssertion, requestToken } from '../support/assertions.js'
import { buildTestApp } from '../support/build-test-app.js'
import { asClient, basicOf, makeClient, postForm } from '../support/clients.js'
import { makeKey } from '../support/cluster-issuer.js'
import { until } from '../support/eventually.js'

async function withClient(t: Test, overrides: NodeJS.ProcessEnv = {}) {
  const test = await buildTestApp(t, overrides)
  const key = await makeKey('own', 'ES256')
  const id = await makeSecretlessClient(test.app, { jwks: { keys: [key.jwk] } }, 'introspect')
  const issuer = test.config.issuer
  const make = (claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}) =>
    ownAssertion(key, id, issuer, { claims, header })
  const send = (assertion: string) => requestToken(test.app, id, assertion)
  return { ...test, key, id, issuer, make, send }
}

const now = () => Math.floor(Date.now() / 1000)
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

t.test('a client that signs an assertion gets a token, with and without client_id', async t => {
  const { app, id, make, send } = await withClient(t)
  t.match((await send(await make())).json(), { access_token: /^eyJ/, scope: 'introspect' })
  t.equal((await requestToken(app, undefined, await make())).statusCode, 200)
  for (const typ of ['client-authentication+jwt', 'JWT', 'JOSE'])
    t.equal((await send(await make({}, { typ }))).statusCode, 200, typ)
  t.equal((await send(await make({ jti: undefined }))).statusCode, 200)
  t.equal((await send(await make({}, { kid: undefined }))).statusCode, 200, 'with one key no kid is needed')
  const { body } = await requestToken(app, id, await make())
  const token = JSON.parse(body).access_token
  const fields = { client_assertion_type: ASSERTION_TYPE, token }
  const introspected = await postForm(app, '/oauth/introspect', { ...fields, client_assertion: await make() })
  t.match(introspected.json(), { active: true, sub: id })
  t.equal((await postForm(app, '/oauth/revoke', { ...fields, client_assertion: await make() })).statusCode, 200)
  const again = await postForm(app, '/oauth/introspect', { ...fields, client_assertion: await make() })
  t.strictSame(again.json(), { active: false })
})

t.test('every invalid assertion gets the same answer, and the event says why', async t => {
  const { app, id, issuer, make, send, key } = await withClient(t)
  const seen: { type: string; details: { reason: string } }[] = []
  app.context.eventListeners.add(({ type, details }) => seen.push({ type, details: details as { reason: string } }))
  const other = await makeKey('own', 'ES256')
  const spki = await exportSPKI((await importJWK(key.jwk, 'ES256')) as never)
  const hmac = (header: object, claims: object) => {
    const signed = `${part(header)}.${part(claims)}`
    return `${signed}.${createHmac('sha256', spki).update(signed).digest('base64url')}`
  }
  const claims = { iss: id, sub: id, aud: issuer, exp: now() + 60, iat: now(), jti: 'x' }
  // Genuine for a library that knows the extension b64 (RFC 7797).
  const unencoded = async () => {
    const header = { alg: 'ES256', kid: 'own', crit: ['b64'], b64: false }
    const sign = new FlattenedSign(Buffer.from(part(claims))).setProtectedHeader(header)
    const signed = await sign.sign(key.privateKey, { crit: { b64: true } })
    return `${signed.protected}.${part(claims)}.${signed.signature}`
  }
  const valid = await make()
  const [head, , signature] = valid.split('.')
  const bad: [reason: string, title: string, assertion: string][] = [
    ['algorithm_not_allowed', 'alg none', `${part({ alg: 'none' })}.${part(claims)}.`],
    ['algorithm_not_allowed', 'HS256 with the public key', hmac({ alg: 'HS256', kid: 'own' }, claims)],
    ['wrong_signature', 'the key of somebody else', await ownAssertion(other, id, issuer)],
    ['wrong_signature', 'an embedded key', await ownAssertion(other, id, issuer, { header: { jwk: other.jwk } })],
    ['wrong_signature', 'changed claims', `${head}.${part(claims)}.${signature}`],
    ['key_unknown', 'an unknown kid', await make({}, { kid: 'other' })],
    [
      'key_unknown',
      'another algorithm than that of the key',
      await ownAssertion(await makeKey('own', 'RS256'), id, issuer),
    ],
    ['extension_not_allowed', 'an unencoded payload', await unencoded()],
    ['extension_not_allowed', 'b64 without crit', await make({}, { b64: true })],
    ['type_not_allowed', 'an access token', await make({}, { typ: 'at+jwt' })],
    ['wrong_issuer', 'another issuer', await make({ iss: issuer })],
    ['wrong_subject', 'another subject', await make({ sub: 'somebody' })],
    ['wrong_audience', 'another audience', await make({ aud: 'https://other.example.com' })],
    ['wrong_audience', 'a second audience', await make({ aud: [issuer, 'https://other.example.com'] })],
    ['wrong_audience', 'the audience of tokens of clients', await make({ aud: `${issuer}/clients` })],
    ['wrong_audience', 'the token endpoint as the audience', await make({ aud: `${issuer}/oauth/token` })],
    ['wrong_audience', 'no audience', await make({ aud: undefined })],
    ['wrong_audience', 'an empty list of audiences', await make({ aud: [] })],
    ['no_expiry', 'no expiry', await make({ exp: undefined })],
    ['expired', 'an expired one', await make({ exp: now() - 31 })],
    ['expires_too_late', 'one that is valid for an hour', await make({ exp: now() + 3600 })],
    ['expires_too_late', 'one that was made long ago', await make({ iat: now() - 3600 })],
    ['not_yet_valid', 'one that is not valid yet', await make({ nbf: now() + 60 })],
    ['not_yet_valid', 'one from the future', await make({ iat: now() + 60 })],
  ]
  const description = 'The client assertion is not accepted.'
  for (const [reason, title, assertion] of bad) {
    await t.rejects(
      authenticateByAssertion(app.context, { clientId: id, assertion }),
      { code: 'invalid_client', reason },
      title,
    )
    const answer = await send(assertion)
    t.equal(answer.statusCode, 401, title)
    t.strictSame(answer.json(), { error: 'invalid_client', error_description: description }, title)
  }
  const ids = await Promise.all([make({ jti: 5 }), make({ jti: { $ne: 1 } }), make({ jti: null })])
  for (const malformed of [...ids, 'x', 'a.b.c', `${part({})}.${part({})}`, `${valid}.x`])
    t.strictSame((await send(malformed)).json(), { error: 'invalid_client', error_description: description })
  const reasons = [...new Set(bad.map(([reason]) => reason))]
  await until(() => seen.length >= reasons.length)
  // They are written in the background, in any order.
  t.strictSame(
    seen.sort((a, b) => reasons.indexOf(a.details.reason) - reasons.indexOf(b.details.reason)),
    reasons.map(reason => ({ type: 'client_assertion_refused', details: { client_id: id, reason } })),
    'one event for each reason',
  )
  t.equal((await send(valid)).statusCode, 200, 'the refused ones did not use up a valid one')
})

t.test(
  'an assertion is accepted once, also at two instances and after its jti was tried with another signature',
  async t => {
    const { app, id, make, send, another, key, issuer } = await withClient(t)
    const { app: second } = await another()
    const assertion = await make()
    const [head, claims] = assertion.split('.')
    t.equal((await send(`${head}.${claims}.${'A'.repeat(86)}`)).statusCode, 401)
    const answers = await Promise.all([app, second, app, second].map(at => requestToken(at, id, assertion)))
    t.strictSame(answers.map(({ statusCode }) => statusCode).sort(), [200, 401, 401, 401])
    t.equal((await requestToken(second, id, assertion)).statusCode, 401)
    t.equal((await send(await make({ jti: 'same' }))).statusCode, 200)
    t.equal(
      (await send(await make({ jti: 'same', exp: now() + 61 }))).statusCode,
      401,
      'another assertion with the same jti',
    )
    const without = await make({ jti: undefined, exp: now() + 59 })
    t.equal((await send(without)).statusCode, 200)
    t.equal((await send(without)).statusCode, 401, 'without jti too')
    const other = await makeSecretlessClient(app, { jwks: key.jwk }, 'introspect')
    t.equal(
      (await requestToken(app, other, await ownAssertion(key, other, issuer, { claims: { jti: 'same' } }))).statusCode,
      200,
    )
  },
)

t.test('the record of an assertion is deleted after it has expired, and not before', async t => {
  const { app, config, clock, make, send } = await withClient(t)
  const deleted = async () => (await cleanUp(app.context.db, config)).assertions
  t.equal((await send(await make())).statusCode, 200)
  await clock.advance(60)
  t.equal(await deleted(), 0, 'it is accepted for as long as clocks can differ')
  await clock.advance(31)
  t.equal(await deleted(), 0, 'a statement that began before it expired still finds it')
  await clock.advance(29)
  t.equal(await deleted(), 1)
})

t.test('an assertion is accepted once while Redis does not answer', async t => {
  const { make, send } = await withClient(t, { REDIS_URL: 'redis://127.0.0.1:1' })
  const assertion = await make()
  t.equal((await send(assertion)).statusCode, 200)
  t.equal((await send(assertion)).statusCode, 401)
})

t.test('a client without a secret cannot use one, and a client with a secret no assertion', async t => {
  const { app, id, issuer, key, stores } = await withClient(t)
  const own = await stores.db.clients.find(id)
  t.equal(own!.hasSecret, false)
  for (const secret of ['', 'x', `lk_cs_${'A'.repeat(43)}`]) {
    const answer = await postForm(
      app,
      '/oauth/token',
      { grant_type: 'client_credentials' },
      { authorization: basicOf(id, secret) },
    )
    t.equal(answer.statusCode, 401)
  }
  const client = await makeClient(app, 'introspect')
  t.equal((await requestToken(app, client.id, await ownAssertion(key, client.id, issuer))).statusCode, 401)
})

t.test('two ways to authenticate in one request are refused', async t => {
  const { app, id, make } = await withClient(t)
  const type = { client_assertion_type: ASSERTION_TYPE }
  const grant = { grant_type: 'client_credentials', client_id: id }
  for (const fields of [
    { ...grant, ...type, client_assertion: await make(), client_secret: 'x' },
    { ...grant, ...type },
    { ...grant, client_assertion: await make() },
    {
      ...grant,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer',
      client_assertion: 'x',
    },
  ])
    t.match((await postForm(app, '/oauth/token', fields)).json(), { error: 'invalid_request' })
})

t.test('a bearer token of a client, or of a user, is no assertion', async t => {
  const { app, send } = await withClient(t)
  const { authorization } = await asClient(app, 'introspect')
  t.equal((await send(authorization.slice('Bearer '.length))).statusCode, 401)
})
