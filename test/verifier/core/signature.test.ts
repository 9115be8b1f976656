import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { openVerificationKey, type PublicKeyJwk } from '@latchkey/verifier/core'
import t from 'tap'

const PAIRS = {
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: generateKeyPairSync('ed25519'),
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
}
const ALGORITHMS = Object.keys(PAIRS) as (keyof typeof PAIRS)[]
const CLAIMS = { sub: 'user-1', n: 1 }

const jwkOf = (key: KeyObject, more = {}) => ({ ...key.export({ format: 'jwk' }), kid: 'k', ...more }) as PublicKeyJwk
const encode = (text: string | Buffer) => Buffer.from(text).toString('base64url')
const input = (claims: string) => `${encode('{"alg":"anything"}')}.${encode(claims)}`

function signed(alg: keyof typeof PAIRS, claims = JSON.stringify(CLAIMS), dsaEncoding = 'ieee-p1363' as const): string {
  const key = { key: PAIRS[alg].privateKey, dsaEncoding }
  return `${input(claims)}.${encode(sign(alg === 'EdDSA' ? null : 'sha256', Buffer.from(input(claims)), key))}`
}

for (const alg of ALGORITHMS) {
  t.test(`a key for ${alg} verifies what its private key signed, and nothing else`, async t => {
    const key = openVerificationKey(jwkOf(PAIRS[alg].publicKey))
    t.match(key, { kid: 'k', alg }, 'the key alone decides the algorithm')
    const token = signed(alg)
    t.strictSame(key.verify(token), CLAIMS)
    const [header, payload, signature] = token.split('.') as [string, string, string]
    const others = {
      'other claims': `${header}.${encode('{"sub":"user-2"}')}.${signature}`,
      'another header': `${encode('{"alg":"none"}')}.${payload}.${signature}`,
      'no signature': `${header}.${payload}.`,
      'a short signature': `${header}.${payload}.${encode(Buffer.from(signature, 'base64url').subarray(0, -1))}`,
      'a long signature': `${header}.${payload}.${encode(Buffer.concat([Buffer.from(signature, 'base64url'), Buffer.alloc(1)]))}`,
      'zeros as signature': `${header}.${payload}.${encode(Buffer.alloc(alg === 'RS256' ? 256 : 64))}`,
    }
    for (const [name, other] of Object.entries(others)) t.equal(key.verify(other), undefined, name)
    for (const other of ALGORITHMS.filter(name => name !== alg))
      t.equal(key.verify(signed(other)), undefined, `signed with ${other}`)
    const pem = PAIRS[alg].publicKey.export({ type: 'spki', format: 'pem' })
    const mac = encode(
      createHmac('sha256', pem)
        .update(input(JSON.stringify(CLAIMS)))
        .digest(),
    )
    t.equal(key.verify(`${input(JSON.stringify(CLAIMS))}.${mac}`), undefined, 'a MAC with the public key as secret')
  })
}

t.test('an ES256 signature in the DER encoding is refused', async t => {
  const key = openVerificationKey(jwkOf(PAIRS.ES256.publicKey))
  const der = sign('sha256', Buffer.from(input('{}')), { key: PAIRS.ES256.privateKey, dsaEncoding: 'der' })
  t.equal(key.verify(`${input('{}')}.${encode(der)}`), undefined)
})

t.test('an RSA signature with the padding PSS is refused', async t => {
  const key = openVerificationKey(jwkOf(PAIRS.RS256.publicKey))
  const pss = sign('sha256', Buffer.from(input('{}')), { key: PAIRS.RS256.privateKey, padding: 6, saltLength: 32 })
  t.equal(key.verify(`${input('{}')}.${encode(pss)}`), undefined)
})

t.test('claims that are not a JSON object are refused, even if they are signed', async t => {
  const key = openVerificationKey(jwkOf(PAIRS.EdDSA.publicKey))
  for (const claims of ['', '[]', 'null', '1', '"text"', '{"sub":', '{} {}'])
    t.equal(key.verify(signed('EdDSA', claims)), undefined, claims)
})

t.test('only keys for the three algorithms can be opened', async t => {
  const refused: [string, PublicKeyJwk][] = [
    ['another curve', jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey)],
    ['the curve of bitcoin', jwkOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey)],
    ['Ed448', jwkOf(generateKeyPairSync('ed448').publicKey)],
    ['a key for key agreement', jwkOf(generateKeyPairSync('x25519').publicKey)],
    ['an RSA key of 1024 bits', jwkOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey)],
    ['a secret', { kid: 'k', kty: 'oct', k: 'c2VjcmV0' } as PublicKeyJwk],
    ['nothing', { kid: 'k', kty: 'RSA' }],
    ['another algorithm of RSA', jwkOf(PAIRS.RS256.publicKey, { alg: 'PS256' })],
    ['an algorithm of another kind of key', jwkOf(PAIRS.ES256.publicKey, { alg: 'RS256' })],
    ['a symmetric algorithm', jwkOf(PAIRS.RS256.publicKey, { alg: 'HS256' })],
    ['a point that is not on the curve', jwkOf(PAIRS.ES256.publicKey, { x: encode(Buffer.alloc(32, 1)) })],
  ]
  for (const [name, jwk] of refused) t.throws(() => openVerificationKey(jwk), Error, name)
  for (const alg of ALGORITHMS) t.equal(openVerificationKey(jwkOf(PAIRS[alg].publicKey, { alg })).alg, alg)
})
