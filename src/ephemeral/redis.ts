import { Cluster, type Redis } from 'ioredis'
import type { Log } from '../log.js'
import type { Ephemeral } from './ephemeral.js'
import { inBatches } from './in-batches.js'
import type { Keys } from './keys.js'
import { createRedisChannel } from './redis-channel.js'
import { withScripts } from './redis-scripts.js'

export interface RedisEphemeralOptions {
  /** A client or cluster client of its own (see {@link connectRedis}); `close` closes it. */
  redis: Redis | Cluster
  /** Opens a client that may block while it waits for news (see {@link connectRedis}); whoever follows ends it. */
  openFollower(): Redis | Cluster
  keys: Keys
  log?: Pick<Log, 'warn'> | undefined
  /** Milliseconds since the epoch, by the clock that set `expiresAt` and `seenAt`. */
  now?: () => number
}

/**
 * The ephemeral half in Redis. Times to live are sent as durations, so that the clock of Redis does not matter.
 * Commands are single ones throughout, which a cluster can route; automatic pipelining sends those of one tick together.
 */
export function createRedisEphemeral({
  redis: client,
  openFollower,
  keys,
  now = Date.now,
  log,
}: RedisEphemeralOptions): Ephemeral {
  const redis = withScripts(client)

  return {
    ...createRedisChannel({ redis, openFollower, keys, now, log }),

    async recordActivity(sightings) {
      const at = now()
      await inBatches(sightings, ({ sessionId, generation, seenAt }) =>
        redis.latchkeySee(
          keys.seen(sessionId),
          keys.generationSeen(sessionId, generation),
          seenAt,
          Math.ceil(seenAt + keys.seenTtlMs - at),
          Math.ceil(seenAt + keys.generationSeenTtlMs - at),
        ),
      )
    },

    async lastActivity(sessionIds) {
      const found = new Map<string, number>()
      await inBatches(sessionIds, async sessionId => {
        const seenAt = await redis.get(keys.seen(sessionId))
        if (seenAt !== null) found.set(sessionId, Number(seenAt))
      })
      return found
    },

    async generationLastSeen(sessionId, generation) {
      const seenAt = await redis.get(keys.generationSeen(sessionId, generation))
      return seenAt === null ? undefined : Number(seenAt)
    },

    async hit(counter, windowMs) {
      const [count, resetsInMs] = await redis.latchkeyHit(keys.hits(counter), windowMs)
      return { count, resetsInMs }
    },

    async unhit(counter) {
      await redis.latchkeyUnhit(keys.hits(counter))
    },

    async ping() {
      const nodes = redis instanceof Cluster ? redis.nodes('master') : []
      const memories = await Promise.all([redis, ...nodes].map(node => node.info('memory')))
      // What Redis may evict at any time it can't be relied on to hold.
      const policies = memories.map(memory => /^maxmemory_policy:(\S+)/m.exec(memory)?.[1] ?? 'noeviction')
      return policies.every(policy => policy === 'noeviction') ? [] : ['redis-eviction']
    },

    async close() {
      // A polite goodbye lets commands on their way finish; a server that is away can't be told.
      await redis.quit().catch(() => redis.disconnect())
    },
  }
}
