import type { Cluster, Redis } from 'ioredis'
import type { Ephemeral } from './ephemeral.js'
import { getText } from './get-text.js'
import { inBatches } from './in-batches.js'
import type { Keys } from './keys.js'
import type { Mac } from './mac.js'
import type { RedisScripts } from './redis-scripts.js'
import type { Untrusted } from './untrusted.js'

export interface RedisActivityOptions {
  redis: (Redis | Cluster) & RedisScripts
  keys: Keys
  mac: Mac
  untrusted: Untrusted
  /** Milliseconds since the epoch. */
  now(): number
}

export type RedisActivity = Pick<Ephemeral, 'recordActivity' | 'lastActivity' | 'generationLastSeen'>

/** How far the clocks of instances may be apart. */
const CLOCK_TOLERANCE_MS = 60_000

/**
 * When sessions and generations were last seen. A sighting can decide that a refresh token was stolen, so each is kept
 * with a MAC, and one that lies ahead is not believed.
 */
export function createRedisActivity({ redis, keys, mac, untrusted, now }: RedisActivityOptions): RedisActivity {
  const write = (key: string, seenAt: number) => `${seenAt}.${mac.tagOf(key, `${seenAt}`)}`

  async function read(key: string): Promise<number | undefined> {
    const text = await getText(redis, key)
    if (text === null) return undefined
    const [, seenAt = '', tag = ''] = /^(\d{1,15})\.([\w-]+)$/.exec(text) ?? []
    if (Number(seenAt) <= now() + CLOCK_TOLERANCE_MS && mac.isGenuine(key, seenAt, tag)) return Number(seenAt)
    untrusted.note('when a session was last seen has no MAC of ours, or lies ahead')
    return undefined
  }

  return {
    async recordActivity(sightings) {
      const at = now()
      await inBatches(sightings, ({ sessionId, generation, seenAt }) => {
        const [session, ofGeneration] = [keys.seen(sessionId), keys.generationSeen(sessionId, generation)]
        return redis.latchkeySee(
          session,
          ofGeneration,
          seenAt,
          at + CLOCK_TOLERANCE_MS,
          write(session, seenAt),
          Math.ceil(seenAt + keys.seenTtlMs - at),
          write(ofGeneration, seenAt),
          Math.ceil(seenAt + keys.generationSeenTtlMs - at),
        )
      })
    },

    async lastActivity(sessionIds) {
      const found = new Map<string, number>()
      await inBatches(sessionIds, async sessionId => {
        const seenAt = await read(keys.seen(sessionId))
        if (seenAt !== undefined) found.set(sessionId, seenAt)
      })
      return found
    },

    generationLastSeen: (sessionId, generation) => read(keys.generationSeen(sessionId, generation)),
  }
}
