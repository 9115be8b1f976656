import { exportJWK, generateKeyPair, type JWK } from 'jose'
import t from 'tap'
import { type GivenAssertion, readAssertionTrust } from '../../src/domain/clients/register-assertion.js'
import { makeKey } from '../support/cluster-issuer.js'

const CLUSTER = { issuer: 'https://kubernetes.default.svc', subject: 'system:serviceaccount:shop:api' }

const problemOf = (given: GivenAssertion): Promise<string> =>
  readAssertionTrust(given).then(
    () => 'none',
    error => error.detail,
  )
const keysProblem = (...keys: object[]) => problemOf({ jwks: { keys } })
const publicJwk = async (alg: string, kid?: string): Promise<JWK> => {
  const { jwk } = await makeKey(kid, alg)
  if (kid === undefined) delete jwk.kid
  return jwk
}
const without = (jwk: JWK, ...members: string[]) =>
  Object.fromEntries(Object.entries(jwk).filter(([member]) => !members.includes(member)))

t.test('an RSA key for which everyone could sign is not registered', async t => {
  const rsa = await publicJwk('RS256', 'r')
  const exponents = { zero: 'AA', one: 'AQ', 'one, with zeros before it': 'AAAAAQ', two: 'Ag', three: 'Aw' }
  for (const [title, e] of Object.entries({ ...exponents, even: 'AQAA', huge: `AQ${'A'.repeat(44)}E`, text: '!' }))
    t.match(await keysProblem({ ...rsa, e }), /unsafe public exponent/, title)
  t.match(await keysProblem(without(rsa, 'e')), /unsafe public exponent/)
  t.equal(await keysProblem(rsa), 'none')
})

t.test('a modulus of RSA is measured in bits, whatever zeros stand before it', async t => {
  const rsa = await publicJwk('RS256', 'r')
  t.match(await keysProblem({ ...rsa, n: `${'A'.repeat(172)}${rsa.n!.slice(0, 172)}` }), /fewer than 2048 bits/)
  t.match(await keysProblem({ ...rsa, n: `_${'A'.repeat(4000)}` }), /more than 16384 bits/)
})

t.test('a key with any private member is not registered', async t => {
  const rsa = await exportJWK((await generateKeyPair('RS256', { extractable: true })).privateKey)
  t.match(await keysProblem(rsa), /contains a private key/)
  t.match(await keysProblem(without(rsa, 'd')), /contains a private key/, 'the primes are the private key too')
  const publicPart = without(rsa, 'd', 'p', 'q', 'dp', 'dq', 'qi')
  for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'])
    t.match(await keysProblem({ ...publicPart, [member]: rsa.p }), /contains a private key/, member)
  t.equal(await keysProblem(publicPart), 'none')
})

t.test('a set with a key that no assertion could name is not registered', async t => {
  const [a, b, unnamed, rsa] = await Promise.all([
    publicJwk('ES256', 'same'),
    publicJwk('ES256', 'same'),
    publicJwk('ES256'),
    publicJwk('RS256', 'same'),
  ])
  t.match(await keysProblem(a, b), /two keys for ES256 with the kid "same"/)
  t.match(await keysProblem(unnamed, without(b, 'kid')), /several keys for ES256: give each a kid/)
  t.match(await keysProblem(a, unnamed), /several keys for ES256: give each a kid/)
  t.match(await keysProblem(rsa, without(await publicJwk('PS256', 'same'), 'alg')), /two keys for RS256/)
  t.equal(await keysProblem(a, rsa), 'none', 'the algorithm tells them apart')
  t.equal(await keysProblem(a, { ...b, kid: 'other' }), 'none')
  t.equal(await keysProblem(unnamed, await publicJwk('ES384'), await publicJwk('PS256')), 'none')
})

t.test('a key that cannot verify signatures is not registered, and the answer says which algorithms can', async t => {
  const [ec, rsa] = await Promise.all([publicJwk('ES256', 'e'), publicJwk('RS256', 'r')])
  t.match(await keysProblem({ ...without(rsa, 'use'), alg: 'RSA-OAEP' }), /alg cannot be used: give RS256 or RS384 or/)
  t.match(await keysProblem({ ...ec, alg: 'ES384' }), /alg cannot be used: give ES256\.$/)
  t.match(await keysProblem({ ...ec, alg: 'HS256' }), /alg cannot be used/)
  t.match(await keysProblem({ ...ec, alg: 5 }), /alg cannot be used/)
  t.match(await keysProblem({ ...ec, key_ops: ['sign'] }), /key_ops does not include verify/)
  t.match(await keysProblem({ ...ec, kid: 5 }), /kid is not a text/)
  t.match(await keysProblem({ ...ec, crv: 'secp256k1' }), /key that cannot be used: give EC/)
  t.match(await keysProblem({ ...ec, x: ec.y }), /numbers are wrong/, 'not on the curve')
  t.equal(await keysProblem({ ...ec, key_ops: ['verify'] }), 'none')
  t.equal(await keysProblem(await publicJwk('EdDSA', 'd')), 'none')
})

t.test('a space that was copied with a name is refused, and not compared for ever', async t => {
  for (const issuer of ['https://kubernetes.default.svc ', ' https://x.example', 'https://x.example\n', 'https://x y'])
    t.match(await problemOf({ ...CLUSTER, issuer }), /^issuer must not contain a space/, JSON.stringify(issuer))
  for (const subject of [` ${CLUSTER.subject}`, `${CLUSTER.subject}\n`, 'repo:acme/shop:ref:refs/heads/main\t'])
    t.match(await problemOf({ ...CLUSTER, subject }), /^subject must not begin or end with a space/)
  t.match(await problemOf({ ...CLUSTER, audiences: ['latchkey', 'latchkey '] }), /^audience must not begin or end/)
  t.match(await problemOf({ jwksUri: 'https://shop.example/keys ' }), /^jwks_uri must not contain a space/)
  t.equal(await problemOf({ ...CLUSTER, subject: 'repo:acme/shop:environment:Blue Green' }), 'none')
})
