import t from 'tap'
import { seal, unseal } from '../../../src/auth/keys/seal.js'
import { secretsOf } from './key-database.js'

const { sealKeys } = secretsOf('new', 'old')
const [newest, old] = sealKeys
const plain = '-----BEGIN PRIVATE KEY-----'

t.test('what one of the secrets sealed opens, and says which', async t => {
  t.same(unseal(seal(plain, newest, 'kid'), sealKeys, 'kid'), { plain, sealedWith: newest })
  t.same(unseal(seal(plain, old!, 'kid'), sealKeys, 'kid'), { plain, sealedWith: old })
})

t.test('no two seals of a key are alike, and neither shows it', async t => {
  const [one, two] = [seal(plain, newest, 'kid'), seal(plain, newest, 'kid')]
  t.notSame(one, two)
  t.notMatch(one.toString('latin1'), 'PRIVATE')
})

t.test('a sealed key moved to another kid does not open', async t => {
  t.throws(() => unseal(seal(plain, newest, 'kid'), sealKeys, 'another'))
})

t.test('a sealed key with any byte changed, cut off or added does not open', async t => {
  const sealed = seal(plain, newest, 'kid')
  for (const [index, byte] of sealed.entries()) {
    const changed = Buffer.from(sealed)
    changed[index] = byte ^ 1
    t.throws(() => unseal(changed, sealKeys, 'kid'), `byte ${index} changed`)
    t.throws(() => unseal(sealed.subarray(0, index), sealKeys, 'kid'), `cut to ${index} bytes`)
  }
  t.throws(() => unseal(Buffer.concat([sealed, Buffer.of(0)]), sealKeys, 'kid'))
})

t.test('of two secrets that share an id both are tried', async t => {
  const twin = { id: old!.id, key: newest.key }
  t.equal(unseal(seal(plain, old!, 'kid'), [twin, old!], 'kid').plain, plain)
})

t.test('without its secret the error says what to do and shows no key', async t => {
  t.throws(() => unseal(seal(plain, old!, 'kid'), [newest], 'kid'), {
    message: /^Signing key kid was sealed with a JWT_SECRET .* add the old one as the second value/,
  })
})
