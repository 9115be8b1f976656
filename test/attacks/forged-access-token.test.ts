import { generateKeyPairSync, sign } from 'node:crypto'
import { createServer } from 'node:net'
import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { get, signUp, verify } from '../support/people.js'
import { encode, forgerOf, payloadOf } from './forger.js'

async function start(t: Tap) {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const forger = await forgerOf(test, ada.accessToken)
  return { ...test, ada, forger }
}
type Tap = Parameters<typeof buildTestApp>[0]

t.test('control: a token without a defect, signed with the service’s own key, is accepted', async t => {
  const { app, ada, forger } = await start(t)
  t.equal(await verify(app, forger.token({})), 200)
  t.equal(await verify(app, ada.accessToken), 200)
})

t.test('a JWT whose typ is not at+jwt is refused as an access token', async t => {
  const { app, forger } = await start(t)
  for (const typ of [
    'JWT',
    'jwt',
    'none',
    '',
    'AT+JWT',
    'at+JWT',
    'application/at+jwt',
    ' at+jwt',
    null,
    1,
    ['at+jwt'],
  ])
    t.equal(await verify(app, forger.token({ typ })), 'token_invalid', JSON.stringify(typ))
  t.equal(await verify(app, forger.token({ typ: undefined })), 'token_invalid', 'no typ')
})

t.test('an access token of another issuer or for another audience is refused', async t => {
  const { app, config, forger } = await start(t)
  const { issuer, audience } = config
  for (const iss of ['https://evil.example', `${issuer}/`, `${issuer}.evil.example`, issuer.toUpperCase(), '', null])
    t.equal(await verify(app, forger.token({}, { iss })), 'token_invalid', `iss ${JSON.stringify(iss)}`)
  t.equal(await verify(app, forger.token({}, { iss: undefined })), 'token_invalid', 'no iss')
  t.equal(await verify(app, forger.token({}, { iss: [issuer] })), 'token_invalid', 'iss in a list')
  for (const aud of ['https://evil.example', `${audience}/`, '', null, {}, [], [audience], [audience, 'other']])
    t.equal(await verify(app, forger.token({}, { aud })), 'token_invalid', `aud ${JSON.stringify(aud)}`)
  t.equal(await verify(app, forger.token({}, { aud: undefined })), 'token_invalid', 'no aud')
})

t.test('a signing key verifies only its own algorithm', async t => {
  const { app, forger } = await start(t)
  for (const alg of [
    'EdDSA',
    'RS256',
    'ES384',
    'ES512',
    'PS256',
    'es256',
    'ES256 ',
    'ES256K',
    ['ES256'],
    { 0: 'ES256' },
  ])
    t.equal(await verify(app, forger.token({ alg })), 'token_invalid', JSON.stringify(alg))
})

t.test('a key that a token header contains or points to is never used', async t => {
  const { app, forger, ada } = await start(t)
  let connections = 0
  const listener = createServer(socket => {
    connections++
    socket.destroy()
  })
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  t.teardown(() => listener.close())
  const { port } = listener.address() as { port: number }
  const url = `http://127.0.0.1:${port}/keys`

  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: forger.kid, alg: 'ES256' }
  const payload = encode(JSON.stringify(payloadOf(ada.accessToken)))
  const members = [{ jku: url }, { x5u: url }, { jwk }, { x5c: ['AAAA'] }, { x5t: 'AAAA' }, { kid: url }, { iss: url }]
  for (const member of members) {
    const header = encode(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: forger.kid, ...member }))
    const input = Buffer.from(`${header}.${payload}`)
    const signature = sign('sha256', input, { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')
    t.equal(
      await verify(app, `${input}.${signature}`),
      'token_invalid',
      `${Object.keys(member)}, signed by the attacker`,
    )
    if (!('kid' in member))
      t.equal(await verify(app, forger.token(member)), 'token_invalid', `${Object.keys(member)}, signed by the service`)
  }
  t.equal(connections, 0, 'no key was fetched')
})

t.test('unknown header members of an access token are refused, critical or not', async t => {
  const { app, forger } = await start(t)
  for (const header of [
    { crit: ['b64'], b64: false },
    { b64: false },
    { b64: true },
    { crit: [] },
    { crit: ['exp'], exp: 1 },
    { crit: ['typ'] },
    { crit: 'b64' },
    { zip: 'DEF' },
    { cty: 'JWT' },
    { enc: 'A128GCM' },
    { p2c: 1e9 },
    { toString: 1 },
  ])
    t.equal(await verify(app, forger.token(header)), 'token_invalid', JSON.stringify(header))
  const text = (extra: string) => `{"alg":"ES256","typ":"at+jwt","kid":"${forger.kid}"${extra}}`
  const payload = JSON.stringify(payloadOf(forger.token({})))
  t.equal(await verify(app, forger.tokenOf(text(',"__proto__":{"b64":false}'), payload)), 'token_invalid', '__proto__')
  t.equal(await verify(app, forger.tokenOf(text(''), payload)), 200)
})

t.test('an access token whose kid names no signing key is refused', async t => {
  const { app, forger } = await start(t)
  for (const kid of [
    '../../dev/null',
    '__proto__',
    'constructor',
    'toString',
    "' or 1=1 --",
    '\0',
    '',
    'a'.repeat(2000),
    0,
    null,
    [],
  ])
    t.equal(await verify(app, forger.token({ kid })), 'token_invalid', JSON.stringify(kid).slice(0, 40))
  t.equal(await verify(app, forger.token({ kid: undefined })), 'token_invalid', 'none')
})

t.test('an access token refused in the Authorization header is refused in a body too', async t => {
  const { app, forger, ada } = await start(t)
  const inBody = async (token: string) => {
    const response = await app.inject({ method: 'POST', url: '/auth/verify', payload: { token } })
    return response.statusCode === 200 ? 200 : response.json().code
  }
  t.equal(await inBody(forger.token({ typ: 'JWT' })), 'token_invalid')
  t.equal(await inBody(forger.token({}, { aud: ['a'] })), 'token_invalid')
  t.equal(await inBody(`${ada.accessToken.split('.').slice(0, 2).join('.')}.`), 'token_invalid')
  t.equal(await inBody(ada.accessToken), 200)
  const profile = await get(app, '/auth/profile', forger.token({ alg: 'none' }))
  t.match(profile, { statusCode: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } })
})
