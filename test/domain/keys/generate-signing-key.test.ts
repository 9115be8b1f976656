import { createPrivateKey, createPublicKey } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import t from 'tap'
import { generateSigningKey } from '../../../src/domain/keys/signing-key.js'

const members = {
  ES256: ['kty', 'crv', 'x', 'y'],
  EdDSA: ['kty', 'crv', 'x'],
  RS256: ['kty', 'n', 'e'],
} as const

for (const alg of ['ES256', 'EdDSA', 'RS256'] as const) {
  t.test(`the kid of a ${alg} key is its thumbprint, and its public JWK contains nothing private`, async t => {
    const made = await generateSigningKey(alg)
    t.equal(made.kid, await calculateJwkThumbprint(made.publicJwk))
    t.match(made.publicJwk, { kid: made.kid, alg, use: 'sig' })
    t.same(Object.keys(made.publicJwk).sort(), ['kid', 'alg', 'use', ...members[alg]].sort())
  })

  t.test(`the private ${alg} key matches the public one`, async t => {
    const { publicJwk, privatePem } = await generateSigningKey(alg)
    const derived = createPublicKey(createPrivateKey(privatePem)).export({ format: 'jwk' })
    t.match(publicJwk, derived)
  })
}
