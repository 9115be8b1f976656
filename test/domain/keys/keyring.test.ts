import { REVOCATION_TTL_SECONDS } from '@latchkey/verifier/core'
import { createLocalJWKSet, jwtVerify } from 'jose'
import t from 'tap'
import { ensureSigningKey } from '../../../src/domain/keys/key-maintenance.js'
import { Keyring } from '../../../src/domain/keys/keyring.js'
import { KEY_LEAD_SECONDS, rotateSigningKey } from '../../../src/domain/keys/rotate-signing-key.js'
import { claimsAt, openKeyDatabase, openKeyring, secretsOf } from './key-database.js'

const secrets = secretsOf('only')
const options = { algorithm: 'ES256', keyEncryptionKeys: secrets.keyEncryptionKeys } as const

for (const algorithm of ['ES256', 'EdDSA', 'RS256'] as const) {
  t.test(`a token signed with ${algorithm} is of typ at+jwt and verifies with the JWKS`, async t => {
    const database = await openKeyDatabase(t)
    await ensureSigningKey(database, { ...options, algorithm })
    const keyring = await openKeyring(database, secrets)
    const nowMs = await database.now()

    const { kid, sign } = keyring.signingKey(nowMs)
    const claims = claimsAt(nowMs)
    const token = sign(claims)

    const { protectedHeader, payload } = await jwtVerify(token, createLocalJWKSet(keyring.jwks(nowMs)), {
      algorithms: [algorithm],
      currentDate: new Date(nowMs),
    })
    t.same(protectedHeader, { alg: algorithm, typ: 'at+jwt', kid })
    t.same(payload, claims, 'the claims are those of the payload and no others')
    const key = keyring.verificationKey(kid)!
    t.match(key, { kid, alg: algorithm, publicPem: /^-----BEGIN PUBLIC KEY-----/ })
    t.same(key.verify(token), claims)
    const [header, , signature] = token.split('.')
    const forged = Buffer.from(JSON.stringify({ ...claims, sub: 'another user' })).toString('base64url')
    t.equal(key.verify(`${header}.${forged}.${signature}`), undefined)
    t.equal(key.verify(`${header}.${forged}.`), undefined)
  })
}

t.test('the first signing key is active for a token issued in the very second of the first start', async t => {
  const database = await openKeyDatabase(t)
  await ensureSigningKey(database, options)
  const keyring = await openKeyring(database, secrets)
  const [row] = await database.signingKeys.usable()
  t.ok(row!.activeFrom.getTime() <= Math.floor(row!.createdAt.getTime() / 1000) * 1000)
  t.equal(keyring.signingKey(row!.activeFrom.getTime()).kid, row!.kid)
})

t.test('an instance whose clock is slow signs with the key that will be active next', async t => {
  const database = await openKeyDatabase(t)
  await ensureSigningKey(database, options)
  const keyring = await openKeyring(database, secrets)
  const [row] = await database.signingKeys.usable()
  t.equal(keyring.signingKey((await database.now()) - 30_000).kid, row!.kid)
})

t.test('the algorithms are those of the public keys, and the one that signs now is the first', async t => {
  const database = await openKeyDatabase(t)
  await ensureSigningKey(database, options)
  await rotateSigningKey(database, options)
  const before = await openKeyring(database, secrets)
  t.same(before.algorithms(await database.now()), ['ES256'])
  const changed = { ...options, algorithm: 'EdDSA' } as const
  await ensureSigningKey(database, changed)
  const keyring = await openKeyring(database, secrets)
  const nowMs = await database.now()
  t.same(keyring.algorithms(nowMs), ['ES256', 'EdDSA'], 'the next key is published before it signs')
  t.same(keyring.algorithms(nowMs + KEY_LEAD_SECONDS * 1000), ['EdDSA', 'ES256'])
  const retiredMs = nowMs + (KEY_LEAD_SECONDS + REVOCATION_TTL_SECONDS + 1) * 1000
  t.same(keyring.algorithms(retiredMs), ['EdDSA'], 'every token of the earlier keys has expired')
})

t.test('a keyring without keys signs nothing', async t => {
  const keyring = await openKeyring(await openKeyDatabase(t), secrets)
  t.throws(() => keyring.signingKey(Date.now()), { code: 'busy' })
  t.same(keyring.jwks(Date.now()), { keys: [] })
  t.same(keyring.algorithms(Date.now()), [])
})

t.test('unknown kids cause one read of the keys per cooldown', async t => {
  const database = await openKeyDatabase(t)
  await ensureSigningKey(database, options)
  const keyring = await openKeyring(database, secrets)
  const { kid } = await rotateSigningKey(database.another(), options)
  const before = database.statementsSent

  const [found, ...rest] = await Promise.all(
    [kid, 'made-up', 'another', kid].map(kid => keyring.forKid(kid, 1_000_000)),
  )
  t.equal(found!.kid, kid, 'a key that another instance made is found')
  t.same(rest, [undefined, undefined, found])
  t.equal(database.statementsSent - before, 1, 'concurrent callers share the read')

  t.equal(await keyring.forKid('made-up', 1_000_999), undefined)
  t.equal(database.statementsSent - before, 1, 'no read within the cooldown')
  t.equal(await keyring.forKid('made-up', 1_001_000), undefined)
  t.equal(database.statementsSent - before, 2, 'one read after the cooldown')
  t.equal(await keyring.forKid(kid, 1_003_000), found)
  t.equal(database.statementsSent - before, 2, 'no read for a key in memory')
})

t.test('a kid that cannot be looked up is unknown, and the keys in memory stay in use', async t => {
  const database = await openKeyDatabase(t)
  await ensureSigningKey(database, options)
  const keyring = await openKeyring(database, secrets)
  const nowMs = await database.now()
  const { kid } = keyring.signingKey(nowMs)

  await database.admin`alter table public.signing_keys rename to gone`
  t.equal(await keyring.forKid('made-up', nowMs), undefined)
  await t.rejects(keyring.reload())
  t.equal(keyring.signingKey(nowMs).kid, kid)
})

t.test('a signing key that disappears from the database is dropped, and listeners are called', async t => {
  const database = await openKeyDatabase(t)
  await ensureSigningKey(database, options)
  const keyring = await openKeyring(database, secrets)
  const { kid } = keyring.signingKey(await database.now())
  const dropped: string[] = []
  keyring.onDropped(kid => dropped.push(kid))

  await keyring.reload()
  t.same(dropped, [], 'a reload that finds the key calls no listener')
  await database.admin`update public.signing_keys set revoked_at = now()`
  await keyring.reload()
  t.same(dropped, [kid])
  t.equal(keyring.verificationKey(kid), undefined)
})

t.test('a dropped signing key is removed at once, and an older read does not restore it', async t => {
  const database = await openKeyDatabase(t)
  await ensureSigningKey(database, options)
  const successor = await rotateSigningKey(database, options)
  const keyring = await openKeyring(database, secrets)
  const nowMs = await database.now()
  const { kid } = keyring.signingKey(nowMs)
  const dropped: string[] = []
  keyring.onDropped(kid => dropped.push(kid))

  const reading = keyring.reload()
  keyring.drop(kid)
  await reading
  t.same(dropped, [kid])
  t.equal(keyring.verificationKey(kid), undefined)
  await t.rejects(keyring.forKid(kid, nowMs), { code: 'token_stale' }, 'its tokens are stale, so sessions can refresh')
  t.same(
    keyring.jwks(nowMs).keys.map(({ kid }) => kid),
    [successor.kid],
  )
  t.equal(keyring.signingKey(nowMs).kid, successor.kid, 'the next key signs instead')
})

t.test('a reload of the keyring finds keys committed before it, although another read is in progress', async t => {
  const database = await openKeyDatabase(t)
  await ensureSigningKey(database, options)
  const held: (() => void)[] = []
  const signingKeys = {
    async usable() {
      const rows = await database.signingKeys.usable()
      await new Promise<void>(resolve => held.push(resolve))
      return rows
    },
  }
  const keyring = new Keyring({ signingKeys, keyEncryptionKeys: secrets.keyEncryptionKeys })
  const release = async () => {
    while (held.length === 0) await new Promise(setImmediate)
    held.pop()!()
  }
  const first = keyring.reload()
  while (held.length === 0) await new Promise(setImmediate)
  const { kid } = await rotateSigningKey(database, options)
  const [second, third] = [keyring.reload(), keyring.reload()]
  t.equal(second, third, 'concurrent callers share one read')
  await release()
  await first
  t.equal(keyring.verificationKey(kid), undefined)
  await release()
  await second
  t.equal(keyring.verificationKey(kid)?.kid, kid)
})

t.test('the keyring makes the signer of a key once', async t => {
  const database = await openKeyDatabase(t)
  await ensureSigningKey(database, options)
  const keyring = await openKeyring(database, secrets)
  const nowMs = await database.now()
  const { sign } = keyring.signingKey(nowMs)
  await keyring.reload()
  t.equal(keyring.signingKey(nowMs).sign, sign)
})
