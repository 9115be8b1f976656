import t from 'tap'
import { seal, unseal } from '../../../src/domain/keys/seal.js'
import { secretsOf } from './key-database.js'

const { sealKeys } = secretsOf('new', 'old')
const [newest, old] = sealKeys
const plain = '-----BEGIN PRIVATE KEY-----'

t.test('a key sealed with one of the secrets can be unsealed, and that secret is reported', async t => {
  t.same(unseal(seal(plain, newest, 'kid'), sealKeys, 'kid'), { plain, sealedWith: newest })
  t.same(unseal(seal(plain, old!, 'kid'), sealKeys, 'kid'), { plain, sealedWith: old })
})

t.test('sealing a key twice gives different bytes, and neither result contains the key', async t => {
  const [one, two] = [seal(plain, newest, 'kid'), seal(plain, newest, 'kid')]
  t.notSame(one, two)
  t.notMatch(one.toString('latin1'), 'PRIVATE')
})

t.test('a sealed key moved to another kid cannot be unsealed', async t => {
  t.throws(() => unseal(seal(plain, newest, 'kid'), sealKeys, 'another'))
})

t.test('a sealed key with any byte changed, cut off or added cannot be unsealed', async t => {
  const sealed = seal(plain, newest, 'kid')
  for (const [index, byte] of sealed.entries()) {
    const changed = Buffer.from(sealed)
    changed[index] = byte ^ 1
    t.throws(() => unseal(changed, sealKeys, 'kid'), `byte ${index} changed`)
    t.throws(() => unseal(sealed.subarray(0, index), sealKeys, 'kid'), `cut to ${index} bytes`)
  }
  t.throws(() => unseal(Buffer.concat([sealed, Buffer.of(0)]), sealKeys, 'kid'))
})

t.test('unsealing a key tries both of two secrets that share an id', async t => {
  const sameId = { id: old!.id, key: newest.key }
  t.equal(unseal(seal(plain, old!, 'kid'), [sameId, old!], 'kid').plain, plain)
})

t.test('unsealing a key without its secret fails with an error that says what to do and shows no key', async t => {
  t.throws(() => unseal(seal(plain, old!, 'kid'), [newest], 'kid'), {
    message: /^Signing key kid was sealed with a JWT_SECRET .* add the old one as the second value/,
  })
})
