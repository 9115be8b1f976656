import { randomBytes, randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import t from 'tap'
import { connectRedis, redisReady } from '../../src/redis/client.js'
import { createKeys } from '../../src/redis/key-names.js'
import { createRedisEphemeral } from '../../src/redis/redis-ephemeral.js'
import { startRedis } from '../support/servers/own-redis.js'
import { lifetimes } from './redis-for-test.js'

t.test('a Redis that is full, or has too few replicas, is reported as one that takes no writes', async t => {
  const server = await startRedis(t)
  const administrator = new Redis(server.url)
  t.teardown(() => administrator.disconnect())
  let now = Date.now()
  const said: string[] = []
  const redis = connectRedis(server.url)
  const ephemeral = createRedisEphemeral({
    redis,
    openFollower: () => connectRedis(server.url, { blocking: true }),
    keys: createKeys({ ...lifetimes, prefix: 'lk1' }),
    macKeys: [randomBytes(32)],
    log: { warn: message => void said.push(message) },
    now: () => now,
  })
  t.teardown(() => ephemeral.close())
  t.ok(await redisReady(redis, 10_000))
  const publish = () =>
    ephemeral.publish([{ kind: 'session', subject: randomUUID(), reason: 'logout', expiresAt: now + 60_000 }])
  await publish()
  t.same(await ephemeral.ping(), [])

  for (const [name, value, usual] of [
    ['maxmemory', '1mb', '0'],
    ['min-replicas-to-write', '1', '0'],
  ] as const) {
    await administrator.config('SET', name, value)
    await t.rejects(publish())
    await t.rejects(publish())
    t.same(await ephemeral.ping(), ['redis-writes'], name)
    t.equal(said.length, 1, 'one line for a minute')
    t.match(said.pop(), /^Redis takes no writes: .*maxmemory/)
    await administrator.config('SET', name, usual)
    now += 61_000
    await publish()
    t.same(await ephemeral.ping(), [])
  }
})
