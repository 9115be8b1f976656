import { randomBytes, randomUUID } from 'node:crypto'
import type { Cluster, Redis } from 'ioredis'
import type { Test } from 'tap'
import { connectRedis, redisReady, type SentinelOptions } from '../../src/redis/client.js'
import type { Ephemeral } from '../../src/redis/ephemeral.js'
import { createKeys, type KeySettings, type Keys } from '../../src/redis/key-names.js'
import type { MacKeys } from '../../src/redis/mac.js'
import { createRedisEphemeral } from '../../src/redis/redis-ephemeral.js'
import type { EphemeralUnderTest } from '../contract/ephemeral.js'

export interface RedisUnderTest extends EphemeralUnderTest {
  ephemeral: Ephemeral
  redis: Redis | Cluster
  keys: Keys
  macKeys: MacKeys
  /** The messages that it logged. */
  said: string[]
  /** Opens another instance on the same keys in Redis, with the same MAC keys or with others. */
  another(macKeys?: MacKeys): Ephemeral
  /** Every key of this test with its time to live in ms; -1 means that it never expires. */
  times(): Promise<Map<string, number>>
}

export const lifetimes = { refreshTokenTtlSeconds: 600 }

/**
 * Opens the Redis implementation with its own key prefix and its own client. After the test its keys are deleted.
 *
 * @param ownLimits keeps the time limits of the service, for a test about them; otherwise they are never reached
 */
export async function openRedisForTest(
  t: Test,
  url: string,
  {
    cluster = false,
    sentinel,
    settings = lifetimes,
    ownLimits = false,
  }: { cluster?: boolean; sentinel?: SentinelOptions; settings?: KeySettings; ownLimits?: boolean } = {},
): Promise<RedisUnderTest> {
  const redis = connectRedis(url, { cluster, sentinel })
  await redisReady(redis, 5000)
  // A busy machine must not make a test fail.
  if (!redis.isCluster && !ownLimits) Object.assign(redis.options, { commandTimeout: 30_000, socketTimeout: 60_000 })
  const prefix = `test-${randomUUID()}`
  const keys = createKeys({ ...settings, prefix })
  let ahead = 0
  const now = () => Date.now() + ahead
  const said: string[] = []
  const log = { warn: (message: string) => void said.push(message) }
  const ours: MacKeys = [randomBytes(32)]
  const another = (macKeys = ours) =>
    createRedisEphemeral({
      redis,
      openFollower: () => connectRedis(url, { cluster, sentinel, blocking: true }),
      keys,
      macKeys,
      now,
      log,
    })
  const ephemeral = another()

  async function times(): Promise<Map<string, number>> {
    const found = new Map<string, number>()
    for (const key of await keysOf(redis, prefix)) found.set(key, await redis.pttl(key))
    return found
  }

  t.teardown(async () => {
    for (const key of await keysOf(redis, prefix)) await redis.del(key)
    await ephemeral.close()
  })

  return {
    ephemeral,
    redis,
    keys,
    macKeys: ours,
    now,
    said,
    another,
    times,
    /** Redis has no clock to set, so the time to live of every key is shortened instead. */
    async passTime(ms) {
      ahead += ms
      for (const [key, left] of await times()) if (left !== -1) await redis.pexpire(key, left - ms)
    },
  }
}

async function keysOf(redis: Redis | Cluster, prefix: string): Promise<string[]> {
  const nodes = redis.isCluster ? (redis as Cluster).nodes('master') : [redis as Redis]
  const found: string[] = []
  for (const node of nodes) {
    for await (const keys of node.scanStream({ match: `${prefix}:*`, count: 1000 })) found.push(...(keys as string[]))
  }
  return [...new Set(found)]
}
