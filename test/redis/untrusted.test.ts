import { randomBytes, randomUUID } from 'node:crypto'
import type { Revocation } from '@latchkey/verifier/core'
import type { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import type { Ephemeral } from '../../src/redis/ephemeral.js'
import { createMac, type MacKeys } from '../../src/redis/mac.js'
import { until } from '../support/eventually.js'
import { startRedis } from '../support/servers/own-redis.js'
import { testServers } from '../support/servers/test-servers.js'
import { openRedisForTest } from './redis-for-test.js'

// Data in Redis that this service did not write is not trusted; it is repaired and reported.

const MINUTE = 60_000
const { redisUrl } = testServers()

function newEntry(now = Date.now()): Revocation {
  return { kind: 'session', subject: randomUUID(), reason: 'logout', expiresAt: now + MINUTE }
}

/** Follows the stream, and returns the list to which entries from now on are added. */
async function heard(t: Test, ephemeral: Ephemeral): Promise<Revocation[]> {
  const news: Revocation[] = []
  const started = newEntry()
  const following = ephemeral.follow(revocations => void news.push(...revocations))
  t.teardown(() => following.stop())
  await until(async () => {
    await ephemeral.publish([started])
    return news.length > 0
  })
  // The entry that was published until it was received may arrive once more.
  const last = newEntry()
  await ephemeral.publish([last])
  await until(() => news.some(entry => JSON.stringify(entry) === JSON.stringify(last)))
  news.length = 0
  return news
}

t.test('a stream entry has first the field that an older version reads, then its MAC', async t => {
  const { ephemeral, redis, keys } = await openRedisForTest(t, redisUrl)
  const entry = newEntry()
  await ephemeral.publish([entry])
  const [[, fields] = []] = (await redis.xrange(keys.news, '-', '+')) as [string, string[]][]
  t.match(fields, ['revocations', JSON.stringify([entry]), 'mac', /^[\w-]{43}$/])
})

t.test('an invalid stream entry is skipped and counted, and the others of the same read are applied', async t => {
  const { ephemeral, redis, keys, macKeys, said } = await openRedisForTest(t, redisUrl)
  const news = await heard(t, ephemeral)
  const signed = (text: string) => ['revocations', text, 'mac', createMac(macKeys).tagOf(keys.news, text)]
  const [one, two, three] = [newEntry(), newEntry(), newEntry()]
  const tooLong = { ...newEntry(), expiresAt: Date.now() + 24 * 60 * MINUTE }
  // At once, so that one read has all of them.
  await Promise.all([
    ephemeral.publish([one]),
    redis.xadd(keys.news, '*', 'revocations', '[null]'),
    ephemeral.publish([tooLong, two]),
    redis.xadd(keys.news, '*', 'other', '[]'),
    // A later version may write these, or one with a defect.
    redis.xadd(keys.news, '*', ...signed('{}')),
    redis.xadd(keys.news, '*', ...signed('[')),
    redis.xadd(keys.news, '*', ...signed('[{"kind":"planet"}]')),
    ephemeral.publish([three]),
  ])
  await until(() => news.length >= 3)
  t.strictSame(news, [one, two, three])
  t.equal(ephemeral.untrustedCount, 5, 'what only a later version knows is none of them')
  t.equal(said.length, 1, 'the log is told once')
  t.match(said[0], /^Ignored data in Redis that this service did not write/)
})

t.test(
  'an instance that starts while the stream key has another type receives all entries once it is a stream again',
  async t => {
    const { ephemeral, redis, keys } = await openRedisForTest(t, redisUrl)
    await redis.set(keys.news, 'x')
    const news: Revocation[] = []
    const following = ephemeral.follow(revocations => void news.push(...revocations))
    t.teardown(() => following.stop())
    await until(() => ephemeral.untrustedCount > 0)
    const entry = newEntry()
    await ephemeral.publish([entry])
    await until(() => news.length > 0)
    t.strictSame(news, [entry])
  },
)

t.test('a full Redis is not counted as untrusted data', async t => {
  const server = await startRedis(t)
  const { ephemeral, redis, keys } = await openRedisForTest(t, server.url)
  await ephemeral.publish([newEntry()])
  await (redis as Redis).config('SET', 'maxmemory', '1')
  await t.rejects(ephemeral.publish([newEntry()]), /OOM/)
  t.equal(await redis.xlen(keys.news), 1)
  t.equal(ephemeral.untrustedCount, 0)
  await (redis as Redis).config('SET', 'maxmemory', '0')
  await t.resolves(ephemeral.publish([newEntry()]))
})

t.test('untrusted data in Redis is logged at once, and then every ten minutes with its count', async t => {
  const { ephemeral, redis, keys, said, passTime } = await openRedisForTest(t, redisUrl)
  t.equal(ephemeral.untrustedCount, 0)
  t.same(await ephemeral.ping(), [])
  const find = async () => {
    await redis.set(keys.seen('s'), 'abc')
    t.same(await ephemeral.lastActivity(['s']), new Map())
  }
  for (let times = 0; times < 50; times++) await find()
  t.equal(said.length, 1)
  t.notMatch(said.join(), /abc/, 'the log does not show the data')
  t.same(await ephemeral.ping(), ['redis-untrusted'])
  await passTime(MINUTE)
  t.same(await ephemeral.ping(), [])
  await passTime(10 * MINUTE)
  await find()
  t.equal(said.length, 2)
  t.match(said[1], /51 since the start/)
})

t.test('a sighting is trusted only under its own key, and not if it lies in the future', async t => {
  const { ephemeral, redis, keys, now } = await openRedisForTest(t, redisUrl)
  const [one, two] = [randomUUID(), randomUUID()]
  const at = now()
  await ephemeral.recordActivity([{ sessionId: one, generation: 1, seenAt: at }])
  const genuine = (await redis.get(keys.newestSeen(one)))!
  t.match(genuine, new RegExp(`^1:${at}\\.[\\w-]{43}$`))
  await redis.set(keys.newestSeen(two), genuine)
  for (const session of [one, two]) await redis.set(keys.seen(session), genuine)
  t.equal(await ephemeral.generationLastSeen(one, 1), at)
  t.equal(await ephemeral.generationLastSeen(two, 1), undefined)
  t.same(await ephemeral.lastActivity([one, two]), new Map())
  for (const changed of [genuine.replace(`${at}`, `${at + 1}`), genuine.replace('1:', '2:')]) {
    await redis.set(keys.newestSeen(one), changed)
    t.equal(await ephemeral.generationLastSeen(one, 1), undefined)
  }

  // A generation that cannot exist yet: the next sighting replaces it.
  await redis.set(keys.newestSeen(one), genuine.replace('1:', '2000000:'))
  await ephemeral.recordActivity([{ sessionId: one, generation: 1, seenAt: at }])
  t.equal(await ephemeral.generationLastSeen(one, 1), at)

  // A sighting by an instance whose clock is far ahead of ours.
  await ephemeral.recordActivity([{ sessionId: two, generation: 1, seenAt: at + 2 * MINUTE }])
  t.equal(await ephemeral.generationLastSeen(two, 1), undefined)
  await ephemeral.recordActivity([{ sessionId: two, generation: 1, seenAt: at }])
  t.equal(await ephemeral.generationLastSeen(two, 1), at, 'it does not block a later sighting')
})

t.test('while secrets are rotated, instances with the old and the new one trust each other', async t => {
  const { another, redis, keys, now } = await openRedisForTest(t, redisUrl)
  const [old, next] = [randomBytes(32), randomBytes(32)]
  const [a, b, c, d] = ([[old], [old, next], [next, old], [next]] as MacKeys[]).map(another) as [
    Ephemeral,
    Ephemeral,
    Ephemeral,
    Ephemeral,
  ]
  // At each step of the rotation, instances before and after it run at the same time.
  for (const [writer, reader] of [
    ...[[a, b] as const, [b, a] as const],
    ...[[b, c] as const, [c, b] as const],
    ...[[c, d] as const, [d, c] as const],
  ]) {
    const sessionId = randomUUID()
    await writer.recordActivity([{ sessionId, generation: 1, seenAt: now() }])
    t.equal((await reader.lastActivity([sessionId])).size, 1)
    await redis.del(keys.news)
    const news = await heard(t, reader)
    const entry = newEntry()
    await writer.publish([entry])
    await until(() => news.length > 0)
    t.strictSame(news, [entry])
    t.equal(reader.untrustedCount, 0)
  }
  const stranger = another([randomBytes(32)])
  await a.recordActivity([{ sessionId: 's', generation: 1, seenAt: now() }])
  t.same(await stranger.lastActivity(['s']), new Map(), 'data with the MAC of another secret is not trusted')
})

t.test('no counter in Redis blocks a client for longer than its window, whatever its value', async t => {
  const { ephemeral, redis, keys } = await openRedisForTest(t, redisUrl)
  const key = keys.hits('a')
  const fixed = async () => {
    const { count, resetsInMs } = await ephemeral.hit('a', MINUTE)
    t.ok(resetsInMs > 0 && resetsInMs <= MINUTE)
    const left = await redis.pttl(key)
    t.ok(left > 0 && left <= MINUTE)
    return count
  }
  await redis.set(key, 1_000_000, 'EX', 10 * 365 * 86_400)
  t.equal(await fixed(), 1_000_001)
  t.equal(ephemeral.untrustedCount, 1)
  for (const value of ['abc', '', '1e9', '9223372036854775807', '-1000000']) {
    await redis.set(key, value)
    t.equal(await fixed(), 1, `${value}: counting begins again`)
    t.equal(await fixed(), 2)
    await redis.set(key, value)
    await t.resolves(ephemeral.unhit('a'))
  }
  await redis.del(key)
  await redis.lpush(key, 'x')
  await t.resolves(ephemeral.unhit('a'))
  t.equal(await fixed(), 1)
})

t.test('invalid values in the blacklist and in its watermark are replaced', async t => {
  const { ephemeral, redis, keys, now } = await openRedisForTest(t, redisUrl)
  const entry: Revocation = { kind: 'user', subject: 'u', belowVersion: 3, reason: 'logout', expiresAt: now() + MINUTE }
  const to = { serverStart: '1700000000.1', xid: '750' }
  const complete = () => ephemeral.complete({ from: to, to, entries: [], all: () => [entry] })
  const forgeries: ((key: string) => Promise<unknown>)[] = [
    ...['abc', '', 'inf', '1700000000.1:', '1700000000.1:-1', `1700000000.1:${'9'.repeat(5000)}`].map(
      text => (key: string) => redis.set(key, text),
    ),
    key => redis.lpush(key, 'x'),
    key => redis.hset(key, 'a', '1'),
  ]
  for (const forge of forgeries) {
    for (const key of [keys.revoked(entry)[0]!.key, keys.watermark]) {
      await redis.del(key)
      await forge(key)
    }
    await t.resolves(complete())
    t.equal(await redis.get(keys.revoked(entry)[0]!.key), '3')
    t.equal(await redis.get(keys.watermark), '1700000000.1:750')
    t.ok((await redis.pttl(keys.watermark)) > 0)
  }
})
