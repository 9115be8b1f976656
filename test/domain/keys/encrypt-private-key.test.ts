import t from 'tap'
import { decryptPrivateKey, encryptPrivateKey } from '../../../src/domain/keys/signing-key.js'
import { secretsOf } from './key-database.js'

const { keyEncryptionKeys } = secretsOf('new', 'old')
const [newest, old] = keyEncryptionKeys
const plain = '-----BEGIN PRIVATE KEY-----'

t.test('a key encrypted with one of the secrets can be decrypted, and that secret is reported', async t => {
  t.same(decryptPrivateKey(encryptPrivateKey(plain, newest, 'kid'), keyEncryptionKeys, 'kid'), {
    plain,
    encryptedWith: newest,
  })
  t.same(decryptPrivateKey(encryptPrivateKey(plain, old!, 'kid'), keyEncryptionKeys, 'kid'), {
    plain,
    encryptedWith: old,
  })
})

t.test('encrypting a key twice gives different bytes, and neither result contains the key', async t => {
  const [one, two] = [encryptPrivateKey(plain, newest, 'kid'), encryptPrivateKey(plain, newest, 'kid')]
  t.notSame(one, two)
  t.notMatch(one.toString('latin1'), 'PRIVATE')
})

t.test('an encrypted key moved to another kid cannot be decrypted', async t => {
  t.throws(() => decryptPrivateKey(encryptPrivateKey(plain, newest, 'kid'), keyEncryptionKeys, 'another'))
})

t.test('an encrypted key with any byte changed, cut off or added cannot be decrypted', async t => {
  const encrypted = encryptPrivateKey(plain, newest, 'kid')
  for (const [index, byte] of encrypted.entries()) {
    const changed = Buffer.from(encrypted)
    changed[index] = byte ^ 1
    t.throws(() => decryptPrivateKey(changed, keyEncryptionKeys, 'kid'), `byte ${index} changed`)
    t.throws(() => decryptPrivateKey(encrypted.subarray(0, index), keyEncryptionKeys, 'kid'), `cut to ${index} bytes`)
  }
  t.throws(() => decryptPrivateKey(Buffer.concat([encrypted, Buffer.of(0)]), keyEncryptionKeys, 'kid'))
})

t.test('decrypting a key tries both of two secrets that share an id', async t => {
  const sameId = { id: old!.id, key: newest.key }
  t.equal(decryptPrivateKey(encryptPrivateKey(plain, old!, 'kid'), [sameId, old!], 'kid').plain, plain)
})

t.test('decrypting a key without its secret fails with an error that says what to do and shows no key', async t => {
  t.throws(() => decryptPrivateKey(encryptPrivateKey(plain, old!, 'kid'), [newest], 'kid'), {
    message: /^Signing key kid was encrypted with a JWT_SECRET .* add the old secret as the second value/,
  })
})
