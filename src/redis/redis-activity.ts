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

const SESSION_SEEN = /^(?<seenAt>\d{1,15})$/
const NEWEST_SEEN = /^(?<generation>\d{1,10}):(?<seenAt>\d{1,15})$/

/**
 * When sessions and generations were last seen. A sighting can decide that a refresh token was stolen, so each is kept
 * with a MAC, and one that lies ahead is not believed.
 */
export function createRedisActivity({ redis, keys, mac, untrusted, now }: RedisActivityOptions): RedisActivity {
  const write = (key: string, value: string) => `${value}.${mac.tagOf(key, value)}`

  async function read(key: string, form: RegExp): Promise<{ seenAt: number; generation: number } | undefined> {
    const text = await getText(redis, key)
    if (text === null) return undefined
    const [, value = '', tag = ''] = /^([\d:]+)\.([\w-]+)$/.exec(text) ?? []
    const { seenAt, generation } = form.exec(value)?.groups ?? {}
    if (Number(seenAt) <= now() + CLOCK_TOLERANCE_MS && mac.isGenuine(key, value, tag))
      return { seenAt: Number(seenAt), generation: Number(generation) }
    untrusted.note('when a session was last seen has no MAC of ours, or lies ahead')
    return undefined
  }

  return {
    async recordActivity(sightings) {
      const at = now()
      await inBatches(sightings, ({ sessionId, generation, seenAt }) => {
        const [session, newest] = [keys.seen(sessionId), keys.newestSeen(sessionId)]
        return redis.latchkeySee(
          session,
          newest,
          seenAt,
          at + CLOCK_TOLERANCE_MS,
          Math.ceil(seenAt + keys.seenTtlMs - at),
          write(session, `${seenAt}`),
          generation,
          write(newest, `${generation}:${seenAt}`),
        )
      })
    },

    async lastActivity(sessionIds) {
      const found = new Map<string, number>()
      await inBatches(sessionIds, async sessionId => {
        const seen = await read(keys.seen(sessionId), SESSION_SEEN)
        if (seen) found.set(sessionId, seen.seenAt)
      })
      return found
    },

    async generationLastSeen(sessionId, generation) {
      const newest = await read(keys.newestSeen(sessionId), NEWEST_SEEN)
      return newest && newest.generation >= generation ? newest.seenAt : undefined
    },
  }
}
