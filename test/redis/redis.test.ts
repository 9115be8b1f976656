import { randomUUID } from 'node:crypto'
import type { Revocation } from '@latchkey/verifier/core'
import type { Redis } from 'ioredis'
import t from 'tap'
import { ephemeralContract } from '../contract/ephemeral.js'
import { until } from '../support/eventually.js'
import { startRedis } from '../support/servers/own-redis.js'
import { testServers } from '../support/servers/test-servers.js'
import { openRedisForTest } from './redis-for-test.js'

const MINUTE = 60_000
const { redisUrl } = testServers()

t.test('Redis passes the contract of the ephemeral store', t =>
  ephemeralContract(t, (t, settings) => openRedisForTest(t, redisUrl, { settings })),
)

t.test('every Redis key expires, except that of a revoked signing key', async t => {
  const { ephemeral, now, keys, times } = await openRedisForTest(t, redisUrl)
  const subject = randomUUID()
  const lasting = { reason: 'logout', expiresAt: now() + MINUTE }
  await ephemeral.publish([
    { kind: 'session', subject, ...lasting },
    { kind: 'token', subject, ...lasting },
    { kind: 'user', subject, belowVersion: 2, ...lasting },
    { kind: 'user', subject, before: 1_700_000_000, ...lasting },
    { kind: 'realm', before: 1_700_000_000, ...lasting },
    { kind: 'key', subject, reason: 'compromised', expiresAt: null },
  ])
  await ephemeral.recordActivity([{ sessionId: subject, generation: 3, seenAt: now() }])
  await ephemeral.hit('a', MINUTE)
  await ephemeral.hit('b', MINUTE)
  await ephemeral.unhit('b')
  await ephemeral.unhit('c')

  const found = await times()
  t.equal(found.size, 11)
  const signingKey = keys.revoked({ kind: 'key', subject, reason: 'compromised', expiresAt: null })[0]!.key
  t.equal(found.get(signingKey), -1, 'the entry of a signing key never expires')
  found.delete(signingKey)
  t.ok(found.get(keys.news)! <= keys.newsTtlMs)
  found.delete(keys.news)
  for (const [key, left] of found) t.ok(left > 0 && left <= 600_000, `${key} has ${left} ms`)
})

t.test('a bound in the blacklist is never lowered, and never expires earlier than it did', async t => {
  const { ephemeral, redis, keys, now } = await openRedisForTest(t, redisUrl)
  const subject = randomUUID()
  const later = { reason: 'password_changed', expiresAt: now() + 10 * MINUTE }
  const older = { reason: 'disabled', expiresAt: now() + MINUTE }
  const pairs: [Revocation, Revocation][] = [
    [
      { kind: 'user', subject, belowVersion: 10, ...later },
      { kind: 'user', subject, belowVersion: 9, ...older },
    ],
    [
      { kind: 'user', subject, before: 1_700_000_100, ...later },
      { kind: 'user', subject, before: 1_700_000_000, ...older },
    ],
    [
      { kind: 'realm', before: 1_700_000_100, ...later },
      { kind: 'realm', before: 1_700_000_000, ...older },
    ],
  ]
  for (const [high, low] of pairs) {
    const bound = 'before' in high ? '1700000100' : '10'
    const key = keys.revoked(high)[0]!.key
    await ephemeral.publish([low])
    await ephemeral.publish([high])
    await ephemeral.publish([low])
    t.equal(await redis.get(key), bound)
    t.ok((await redis.pttl(key)) > 9 * MINUTE)
  }
  t.not(
    keys.revoked(pairs[0]![0])[0]!.key,
    keys.revoked(pairs[1]![0])[0]!.key,
    'the two bounds of a user are two entries',
  )
})

t.test('a blacklist entry without an expiry never gets one', async t => {
  const { ephemeral, now, keys, redis } = await openRedisForTest(t, redisUrl)
  const entry = { kind: 'key', subject: 'k1', reason: 'compromised' } as const
  await ephemeral.publish([{ ...entry, expiresAt: null }])
  await ephemeral.publish([{ ...entry, expiresAt: now() + MINUTE }])
  t.equal(await redis.pttl(keys.revoked({ ...entry, expiresAt: null })[0]!.key), -1)
})

t.test('a blacklist entry is removed when its last token has expired, and is not written after that', async t => {
  const { ephemeral, keys, now, passTime, redis } = await openRedisForTest(t, redisUrl)
  const entry = { kind: 'session', subject: randomUUID(), reason: 'logout', expiresAt: now() + MINUTE } as const
  await ephemeral.publish([entry])
  t.equal(await redis.exists(keys.revoked(entry)[0]!.key), 1)
  await passTime(MINUTE)
  await ephemeral.publish([entry])
  t.equal(await redis.exists(keys.revoked(entry)[0]!.key), 0)
})

t.test('a counter in Redis that lost its expiry gets a new one', async t => {
  const { ephemeral, redis, keys } = await openRedisForTest(t, redisUrl)
  await ephemeral.hit('a', MINUTE)
  await redis.persist(keys.hits('a'))
  t.match(await ephemeral.hit('a', MINUTE), { count: 2, resetsInMs: MINUTE })
  t.ok((await redis.pttl(keys.hits('a'))) > 0)
})

t.test('no Redis key shows an e-mail or an IP address', async t => {
  const { ephemeral, times } = await openRedisForTest(t, redisUrl)
  await ephemeral.hit('failures:ada@example.org', MINUTE)
  await ephemeral.hit('POST /auth/login:192.0.2.7', MINUTE)
  for (const key of (await times()).keys()) t.match(key, /^test-[0-9a-f-]+:hits:[\w-]{22}$/)
})

t.test('the scripts are sent again after Redis has lost them', async t => {
  const { ephemeral, redis } = await openRedisForTest(t, redisUrl)
  await ephemeral.hit('a', MINUTE)
  await redis.script('FLUSH')
  const hits = await Promise.all([ephemeral.hit('a', MINUTE), ephemeral.hit('a', MINUTE)])
  t.same(hits.map(({ count }) => count).sort(), [2, 3])
})

t.test('if Redis loses entries while the journal is copied, no watermark is written', async t => {
  const server = await startRedis(t)
  const { ephemeral, redis: client, keys, now } = await openRedisForTest(t, server.url)
  const redis = client as Redis
  const all = Array.from({ length: 20_000 }, (): Revocation => {
    return { kind: 'session', subject: randomUUID(), reason: 'logout', expiresAt: now() + 10 * MINUTE }
  })
  const to = { serverStart: 'one', xid: '100' }
  const copied = ephemeral.complete({ from: undefined, to, entries: [], all: () => all })
  await until(async () => (await redis.dbsize()) > 100)
  await redis.flushall()
  await copied
  const left = await redis.dbsize()
  t.ok(left > 0 && left < all.length, `${left} were copied after it`)
  t.equal(await redis.get(keys.watermark), null)

  await ephemeral.complete({ from: to, to, entries: [], all: () => all })
  t.equal(await redis.get(keys.watermark), 'one:100')
  t.equal(await redis.dbsize(), all.length + 1, 'all entries and the watermark, and no witness')
})

t.test('failed copies of the journal leave one witness key, which no later copy accepts as its own', async t => {
  const { ephemeral, redis, keys, times } = await openRedisForTest(t, redisUrl)
  const to = { serverStart: 'one', xid: '100' }
  const fails = () => {
    throw new Error('It fails.')
  }
  for (let n = 0; n < 3; n++) await t.rejects(ephemeral.complete({ from: undefined, to, entries: [], all: fails }))
  const [witness, ...others] = (await times()).keys()
  t.same(others, [])
  const older = await redis.get(witness!)

  // Redis goes back to its state during an earlier copy.
  const all = Array.from({ length: 20_000 }, (_, n): Revocation => {
    return { kind: 'session', subject: `${n}`, reason: 'logout', expiresAt: Date.now() + MINUTE }
  })
  const copied = ephemeral.complete({ from: undefined, to, entries: [], all: () => all })
  await until(async () => (await redis.get(witness!)) !== older)
  await redis.set(witness!, older!)
  await copied
  t.equal(await redis.get(keys.watermark), null)
})
