import { createLocalJWKSet, jwtVerify } from 'jose'
import t from 'tap'
import { ensureSigningKey } from '../../../src/domain/keys/key-maintenance.js'
import { rotateSigningKey } from '../../../src/domain/keys/rotate-signing-key.js'
import { claimsAt, openKeyDatabase, openKeyring, secretsOf } from './key-database.js'

const secrets = secretsOf('only')
const options = { algorithm: 'ES256', keyEncryptionKeys: secrets.keyEncryptionKeys } as const

t.test('instances that start together make one signing key', async t => {
  const database = await openKeyDatabase(t)
  const instances = [database, ...Array.from({ length: 7 }, () => database.another())]
  await Promise.all(instances.map(instance => ensureSigningKey(instance, options)))
  t.equal((await database.signingKeys.all()).length, 1)
})

t.test('a start that finds a signing key makes none', async t => {
  const database = await openKeyDatabase(t)
  await ensureSigningKey(database, options)
  const keys = await database.signingKeys.all()
  await ensureSigningKey(database, options)
  t.same(await database.signingKeys.all(), keys)
})

t.test('the very first signing key signs at once; the first of another algorithm after its lead time', async t => {
  const database = await openKeyDatabase(t)
  await ensureSigningKey(database, options)
  await ensureSigningKey(database, { ...options, algorithm: 'EdDSA' })
  const keyring = await openKeyring(database, secrets)
  const nowMs = await database.now()
  t.equal(keyring.signingKey(nowMs).alg, 'ES256')
  t.equal(keyring.signingKey(nowMs + 9 * 60_000).alg, 'ES256')
  t.equal(keyring.signingKey(nowMs + 10 * 60_000).alg, 'EdDSA')
})

t.test('a changed JWT_SECRET given as new,old encrypts the signing keys again, and tokens stay valid', async t => {
  const database = await openKeyDatabase(t)
  const [old, both, renewed] = [secretsOf('old'), secretsOf('new', 'old'), secretsOf('new')]
  await ensureSigningKey(database, { ...options, keyEncryptionKeys: old.keyEncryptionKeys })
  await rotateSigningKey(database, { ...options, keyEncryptionKeys: old.keyEncryptionKeys })
  const nowMs = await database.now()
  const token = (await openKeyring(database, old)).signingKey(nowMs).sign(claimsAt(nowMs))

  await Promise.all([database, database.another()].map(each => ensureSigningKey(each, { ...options, ...both })))

  const keyring = await openKeyring(database, renewed)
  await jwtVerify(token, createLocalJWKSet(keyring.jwks(nowMs)), { currentDate: new Date(nowMs) })
  t.equal((await database.signingKeys.all()).length, 2, 'no key was made')
  t.ok(keyring.signingKey(nowMs).sign(claimsAt(nowMs)), 'the old secret can be removed')
})

t.test('a changed JWT_SECRET without the old one stops the start with an error that says what to do', async t => {
  const database = await openKeyDatabase(t)
  await ensureSigningKey(database, options)
  const keys = await database.signingKeys.all()
  const renewed = secretsOf('new')
  await ensureSigningKey(database, { ...options, keyEncryptionKeys: renewed.keyEncryptionKeys })
  await t.rejects(openKeyring(database, renewed), { message: /JWT_SECRET .* add the old secret as the second value/ })
  t.same(await database.signingKeys.all(), keys, 'the keys are unchanged')
})

t.test('when the old JWT_SECRET is lost, a key rotation restores signing, and older tokens stay valid', async t => {
  const database = await openKeyDatabase(t)
  await ensureSigningKey(database, options)
  const nowMs = await database.now()
  const token = (await openKeyring(database, secrets)).signingKey(nowMs).sign(claimsAt(nowMs))

  const renewed = secretsOf('new')
  const made = await rotateSigningKey(database, {
    ...options,
    keyEncryptionKeys: renewed.keyEncryptionKeys,
    immediately: true,
  })
  const keyring = await openKeyring(database, renewed)
  t.equal(keyring.signingKey(await database.now()).kid, made.kid, 'it signs at once, because no other key can')
  await jwtVerify(token, createLocalJWKSet(keyring.jwks(nowMs)), { currentDate: new Date(nowMs) })
})

t.test('an instance with the old JWT_SECRET verifies with a key it cannot decrypt, and continues to sign', async t => {
  const database = await openKeyDatabase(t)
  const old = secretsOf('old')
  await ensureSigningKey(database, { ...options, keyEncryptionKeys: old.keyEncryptionKeys })
  const keyring = await openKeyring(database, old)
  const nowMs = await database.now()
  const { kid } = keyring.signingKey(nowMs)

  const both = { ...options, keyEncryptionKeys: secretsOf('new', 'old').keyEncryptionKeys }
  await ensureSigningKey(database, both)
  const made = await rotateSigningKey(database, both)
  await t.rejects(keyring.reload(), { message: /JWT_SECRET/ }, 'the operator gets an error')
  t.equal(keyring.verificationKey(made.kid)?.kid, made.kid)
  t.equal(keyring.signingKey(nowMs + 60 * 60_000).kid, kid)

  const rows = await database.signingKeys.usable()
  const retiresAtMs = rows.find(row => row.kid === kid)!.retiresAt!.getTime()
  t.throws(() => keyring.signingKey(retiresAtMs), 'but not with a retired key')
})
