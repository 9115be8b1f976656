import t from 'tap'
import { ensureSigningKey } from '../../../src/domain/keys/key-maintenance.js'
import { rotateIfDue, rotateSigningKey } from '../../../src/domain/keys/rotate-signing-key.js'
import { openKeyDatabase, openKeyring, secretsOf } from './key-database.js'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_SECONDS = 24 * 60 * 60

const secrets = secretsOf('only')
const options = { algorithm: 'ES256', keyEncryptionKeys: secrets.keyEncryptionKeys } as const

t.test('a rotated signing key is published at once but signs only after its lead time', async t => {
  const database = await openKeyDatabase(t)
  await ensureSigningKey(database, options)
  const nowMs = await database.now()
  const first = (await openKeyring(database, secrets)).signingKey(nowMs)

  const next = await rotateSigningKey(database, options)
  const keyring = await openKeyring(database, secrets)
  t.same(
    keyring.jwks(nowMs).keys.map(({ kid }) => kid),
    [next.kid, first.kid],
  )
  t.equal(keyring.signingKey(nowMs).kid, first.kid)
  t.equal(keyring.signingKey(next.activeFrom.getTime() - 1).kid, first.kid)
  t.equal(keyring.signingKey(next.activeFrom.getTime()).kid, next.kid)
  t.ok(next.activeFrom.getTime() >= nowMs + 10 * MINUTE_MS - 1000)
})

t.test('the previous signing key is published until the last token it signed has expired, and no longer', async t => {
  const database = await openKeyDatabase(t)
  await ensureSigningKey(database, options)
  const nowMs = await database.now()
  const first = (await openKeyring(database, secrets)).signingKey(nowMs)
  const next = await rotateSigningKey(database, options)
  const keyring = await openKeyring(database, secrets)

  const lastSignedAtMs = next.activeFrom.getTime()
  const endMs = lastSignedAtMs + 2 * HOUR_MS + 5 * MINUTE_MS
  const kidsAt = (atMs: number) => keyring.jwks(atMs).keys.map(({ kid }) => kid)
  t.same(kidsAt(endMs - 1), [next.kid, first.kid])
  t.same(kidsAt(endMs), [next.kid])

  const dropped: string[] = []
  keyring.onDropped(kid => dropped.push(kid))
  await database.shiftClock((endMs - nowMs) / 1000 - 10)
  await keyring.reload()
  t.ok(keyring.verificationKey(first.kid), 'it still verifies ten seconds before its end')
  await database.shiftClock((endMs - nowMs) / 1000)
  await keyring.reload()
  t.equal(keyring.verificationKey(first.kid), undefined)
  t.same(dropped, [first.kid])
})

t.test('rotating out a key before it ever signed leaves no time without a signing key', async t => {
  const database = await openKeyDatabase(t)
  await ensureSigningKey(database, options)
  const second = await rotateSigningKey(database, options)
  await database.shiftClock(60)
  const third = await rotateSigningKey(database, options)
  const keyring = await openKeyring(database, secrets)
  t.equal(keyring.signingKey(second.activeFrom.getTime()).kid, second.kid)
  t.equal(keyring.signingKey(third.activeFrom.getTime()).kid, third.kid)
})

t.test('an immediate key signs once every instance has read it, and a waiting key never signs', async t => {
  const database = await openKeyDatabase(t)
  await ensureSigningKey(database, options)
  const waiting = await rotateSigningKey(database, options)
  const nowMs = await database.now()
  const made = await rotateSigningKey(database, { ...options, immediately: true })
  const keyring = await openKeyring(database, secrets)
  const fromMs = made.activeFrom.getTime()
  t.ok(fromMs >= nowMs + 3000 && fromMs <= (await database.now()) + 4000)
  t.not(keyring.signingKey(fromMs - 1).kid, made.kid)
  t.equal(keyring.signingKey(fromMs).kid, made.kid)
  t.equal(keyring.signingKey(waiting.activeFrom.getTime() + 1000).kid, made.kid)
})

t.test('a key is due when the newest one is older than the interval; many instances then make only one', async t => {
  const database = await openKeyDatabase(t)
  const due = { ...options, keyRotationIntervalSeconds: 90 * DAY_SECONDS }
  await ensureSigningKey(database, options)

  await database.shiftClock(90 * DAY_SECONDS - 60)
  t.equal(await rotateIfDue(database, due), undefined)
  await database.shiftClock(90 * DAY_SECONDS + 1)
  const instances = [database, ...Array.from({ length: 7 }, () => database.another())]
  const made = await Promise.all(instances.map(instance => rotateIfDue(instance, due)))
  t.equal(made.filter(row => row !== undefined).length, 1)
  t.equal((await database.signingKeys.all()).length, 2)
  t.equal(await rotateIfDue(database, due), undefined)
})
