import { randomBytes, randomUUID } from 'node:crypto'
import type { Cluster, Redis } from 'ioredis'
import type { Test } from 'tap'
import type { Ephemeral } from '../../src/ephemeral/ephemeral.js'
import { createKeys, type KeySettings, type Keys } from '../../src/ephemeral/keys.js'
import type { MacKeys } from '../../src/ephemeral/mac.js'
import { createRedisEphemeral } from '../../src/ephemeral/redis.js'
import { connectRedis, redisReady, type SentinelOptions } from '../../src/ephemeral/redis-client.js'
import type { EphemeralUnderTest } from '../contract/ephemeral.js'

export interface RedisUnderTest extends EphemeralUnderTest {
  ephemeral: Ephemeral
  redis: Redis | Cluster
  keys: Keys
  macKeys: MacKeys
  /** What it told the log. */
  said: string[]
  /** Another instance beside it, with the same keys of the MAC or others. */
  another(macKeys?: MacKeys): Ephemeral
  /** Every key of this test with its time to live: ms, or -1 for ever. */
  times(): Promise<Map<string, number>>
}

export const lifetimes = { refreshTokenTtlSeconds: 600 }

/**
 * The Redis implementation under a prefix of its own, on a client of its own; empties and closes itself.
 *
 * @param ownLimits for a test that is about time limits: those of the service, and not such as no machine misses
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
  // A busy machine must not decide how a test ends.
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
    /** Redis has no clock to set: every key is brought nearer to its end instead. */
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
