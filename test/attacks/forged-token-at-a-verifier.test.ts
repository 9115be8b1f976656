import { createHmac, createPublicKey, sign } from 'node:crypto'
import { createServer } from 'node:net'
import t from 'tap'
import { startToyIssuer } from '../verifier/toy-issuer.js'
import { type ToyKey, toyKey } from '../verifier/toy-tokens.js'
import { inSeconds, knownVerdict, startVerifier, verdict } from '../verifier/verifiers.js'

// What test/attacks tries on the service is tried on the verifier of other services, with the issuer's own key where
// that makes the token wrong in one way only.

async function start(t: Parameters<typeof startToyIssuer>[0], keys = [toyKey()]) {
  const toy = await startToyIssuer(t)
  toy.keys = keys
  const verifier = startVerifier(t, { issuer: toy.url })
  await verifier.ready()
  const refuses = async (token: string, what: string) => {
    t.equal(await verdict(verifier.verify(token)), 'token_invalid', what)
    t.equal(knownVerdict(verifier, token), 'unknown', `${what}: it is not kept`)
  }
  t.equal(await verdict(verifier.verify(toy.token())), 'valid', 'control')
  return { toy, verifier, refuses, key: keys[0]! }
}

const encode = (text: string) => Buffer.from(text).toString('base64url')

/** Signs raw texts, which may be ones that JSON.stringify never writes. */
function signTexts({ privateKey }: ToyKey, header: string, payload: string): string {
  const input = `${encode(header)}.${encode(payload)}`
  const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return `${input}.${signature.toString('base64url')}`
}

t.test('a token without a signature, or with one of another algorithm, is refused', async t => {
  const { toy, key, refuses } = await start(t)
  const [, payload] = toy.token().split('.')
  const header = (alg: unknown) => encode(JSON.stringify({ alg, typ: 'at+jwt', kid: key.kid }))
  for (const alg of ['none', 'None', 'NONE', '', null, undefined])
    for (const signature of ['', 'AAAA'])
      await refuses(`${header(alg)}.${payload}.${signature}`, `alg ${alg} ${signature}`)
  const pem = createPublicKey(key.privateKey).export({ type: 'spki', format: 'pem' })
  for (const secret of [pem, JSON.stringify(key.jwk), '']) {
    const input = `${header('HS256')}.${payload}`
    const mac = createHmac('sha256', secret).update(input).digest('base64url')
    await refuses(`${input}.${mac}`, 'HS256 with the public key as its secret')
  }
  for (const alg of ['EdDSA', 'RS256', 'ES384', 'PS256', 'es256', 'ES256 ', ['ES256'], { 0: 'ES256' }])
    await refuses(toy.token({}, key, { alg }), `the issuer's own signature as ${JSON.stringify(alg)}`)
})

t.test('a key verifies only its own algorithm, whatever other keys the issuer has', async t => {
  const keys = [toyKey('ES256'), toyKey('EdDSA'), toyKey('RS256')]
  const { toy, refuses } = await start(t, keys)
  for (const key of keys)
    for (const other of keys)
      if (other !== key) {
        await refuses(toy.token({}, key, { alg: other.alg }), `${key.alg} as ${other.alg}`)
        await refuses(toy.token({}, key, { kid: other.kid }), `${key.alg} with the kid of ${other.alg}`)
        await refuses(toy.token({}, key, { kid: other.kid, alg: other.alg }), `${key.alg} as the key of ${other.alg}`)
      }
})

t.test('a key that the header contains or points to is never used', async t => {
  const { toy, key, refuses } = await start(t)
  let connections = 0
  const listener = createServer(socket => {
    connections++
    socket.destroy()
  })
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  t.teardown(() => listener.close())
  const url = `http://127.0.0.1:${(listener.address() as { port: number }).port}/keys`
  const attacker = toyKey()
  for (const more of [
    { jwk: attacker.jwk },
    { jku: url },
    { x5u: url },
    { x5c: ['AAAA'] },
    { crit: ['exp'] },
    { b64: false },
    { cty: 'JWT' },
  ]) {
    await refuses(toy.token({}, { ...attacker, kid: key.kid }, more), JSON.stringify(more))
    await refuses(toy.token({}, key, more), `signed by the issuer: ${JSON.stringify(more)}`)
  }
  for (const kid of [
    url,
    '../../../dev/null',
    '/proc/self/environ',
    "' OR 1=1 --",
    '__proto__',
    'constructor',
    '\0',
    'é',
    key.kid.toUpperCase(),
  ])
    await refuses(toy.token({}, attacker, { kid }), `kid ${kid}`)
  for (const kid of ['', null, 5, [key.kid], { kid: key.kid }, undefined])
    await refuses(toy.token({}, key, { kid }), `kid ${JSON.stringify(kid)}`)
  t.equal(connections, 0)
})

t.test('a JWT of another type, issuer or audience is refused', async t => {
  const { toy, key, refuses } = await start(t)
  for (const typ of [
    'JWT',
    'jwt',
    'id_token',
    'secevent+jwt',
    'AT+JWT',
    'application/at+jwt',
    ' at+jwt',
    null,
    ['at+jwt'],
    undefined,
  ])
    await refuses(toy.token({}, key, { typ }), `typ ${JSON.stringify(typ)}`)
  for (const iss of [`${toy.url}/`, `${toy.url}.evil.example`, toy.url.toUpperCase(), '', null, [toy.url], undefined])
    await refuses(toy.token({ iss }), `iss ${JSON.stringify(iss)}`)
  for (const aud of [`${toy.url}/`, '', null, {}, [], [toy.url], [toy.url, 'other'], undefined])
    await refuses(toy.token({ aud }), `aud ${JSON.stringify(aud)}`)
})

t.test('the token of a client is not the token of a user', async t => {
  const { toy, refuses } = await start(t)
  const client = {
    sub: 'c1',
    client_id: 'c1',
    scope: 'admin revocations',
    sid: undefined,
    gen: undefined,
    roles: undefined,
    auth_time: undefined,
  }
  await refuses(toy.token({ ...client, aud: `${toy.url}/clients` }), 'with its own audience')
  await refuses(toy.token(client), 'with the audience of users')
})

t.test('claims that are missing, of another type or out of range are refused', async t => {
  const { toy, key, refuses } = await start(t)
  const claims: Record<string, unknown[]> = {
    exp: [undefined, null, '9999999999', -1, 0, 1.5, [], true, Number.MAX_SAFE_INTEGER + 1],
    iat: [undefined, null, '1', 1.5],
    auth_time: [undefined, null, '1', -1],
    sub: [undefined, null, '', 5, ['u']],
    sid: [undefined, null, '', 5],
    jti: [undefined, '', 5],
    client_id: [undefined, '', 5],
    ver: [undefined, -1, '1', 1.5],
    gen: [undefined, -1, '1'],
    roles: [undefined, null, 'admin', [5], { 0: 'admin' }],
    roles_version: [null, -1, '1'],
    nbf: [inSeconds(600), '0', null],
  }
  for (const [claim, values] of Object.entries(claims))
    for (const value of values) await refuses(toy.token({ [claim]: value }), `${claim} ${JSON.stringify(value)}`)
  const [, payload] = toy.token().split('.')
  const text = Buffer.from(payload!, 'base64url').toString()
  const header = JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: key.kid })
  await refuses(signTexts(key, header, text.replace(/"exp":\d+/, '"exp":1e999')), 'exp 1e999: it would never expire')
  for (const other of ['[]', 'null', '5', '"text"', '', '{', `[${text}]`])
    await refuses(signTexts(key, header, other), `payload ${other}`)
  for (const other of ['[]', 'null', '5', '', '{', `[${header}]`])
    await refuses(signTexts(key, other, text), `header ${other}`)
})

t.test('another spelling of a valid token is not that token', async t => {
  const { toy, verifier, refuses } = await start(t)
  const token = toy.token()
  t.equal(await verdict(verifier.verify(token)), 'valid')
  const [header, payload, signature] = token.split('.') as [string, string, string]
  for (const other of [
    ` ${token}`,
    `${token} `,
    `${token}\n`,
    `${token}=`,
    `${token}.`,
    `.${token}`,
    `${token}.${signature}`,
    `${header}.${payload}`,
    `${header}..${signature}`,
    `${header}.${payload}.${signature}==`,
    `${header}=.${payload}.${signature}`,
    `${header}.${payload}.${signature.replaceAll('_', '/').replaceAll('-', '+')}+`,
    `Bearer ${token}`,
    token.toLowerCase(),
    `${token}${'A'.repeat(5000)}`,
    'a.b.c',
    '..',
    '.'.repeat(100_000),
  ])
    await refuses(other, other.slice(0, 40))
  // The last character of an ES256 signature has bits that decoding ignores.
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  for (const character of alphabet)
    if (character !== token.at(-1)) await refuses(token.slice(0, -1) + character, `ends with ${character}`)
})

t.test('only a token that was verified is known, and only in its exact form', async t => {
  const { toy, verifier } = await start(t)
  const token = toy.token()
  await verifier.verify(token)
  t.equal(knownVerdict(verifier, token), 'valid')
  const [header, payload, signature] = token.split('.')
  const admin = encode(
    JSON.stringify({ ...JSON.parse(Buffer.from(payload!, 'base64url').toString()), roles: ['admin'] }),
  )
  t.equal(knownVerdict(verifier, `${header}.${admin}.${signature}`), 'unknown', 'other claims with a known signature')
  t.equal(await verdict(verifier.verify(`${header}.${admin}.${signature}`)), 'token_invalid')
})
