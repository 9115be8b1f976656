import { Cluster, type Redis } from 'ioredis'
import type { Log } from '../lib/log.js'
import { failedRedisCommands, type RedisCommand } from '../lib/measurements.js'
import type { TraceCall } from '../lib/trace-call.js'
import { createRedisActivity } from './activity.js'
import { withScripts } from './commands.js'
import type { Ephemeral } from './ephemeral.js'
import { isDenied } from './errors.js'
import type { Keys } from './key-names.js'
import { createMac, createUntrustedData, type MacKeys } from './mac.js'
import { createRedisChannel } from './redis-revocation-channel.js'
import { createDeniedRights, createRefusedWrites } from './refusals.js'
import { tracedCommands } from './traced-commands.js'

export interface RedisEphemeralOptions {
  /** A client for this alone (see {@link connectRedis}); `close` closes it. */
  redis: Redis | Cluster
  /**
   * Opens a client that may block while it waits for entries (see {@link connectRedis}); the end of following closes
   * it.
   */
  openFollower(): Redis | Cluster
  keys: Keys
  /**
   * Others may write to Redis too: data on which a decision depends is accepted only with a MAC by one of these keys.
   */
  macKeys: MacKeys
  log?: Pick<Log, 'warn'> | undefined
  /** Makes a span of each command that a request causes. */
  trace?: TraceCall | undefined
  /** Milliseconds since the epoch, by the clock that set `expiresAt` and `seenAt`. */
  now?: () => number
}

/**
 * {@link Ephemeral} in Redis. Times to live are sent as durations, so that the clock of Redis does not matter. There
 * are only single commands, which a cluster can route; automatic pipelining sends those of one tick together.
 */
export function createRedisEphemeral({
  redis: client,
  openFollower,
  keys,
  macKeys,
  now = Date.now,
  log,
  trace,
}: RedisEphemeralOptions): Ephemeral {
  const scripted = withScripts(client)
  const redis = trace ? tracedCommands(scripted, trace) : scripted
  const mac = createMac(macKeys)
  const untrusted = createUntrustedData(now, log)

  const denied = createDeniedRights(now, log)
  const refused = createRefusedWrites(now, log)
  const channel = createRedisChannel({ redis, openFollower, keys, mac, untrusted, denied, now, log })
  const activity = createRedisActivity({ redis, keys, mac, untrusted, now })
  /** The same method, which also reports that it failed, denied rights and refused writes. */
  function reporting<Arguments extends unknown[], Answer>(
    command: RedisCommand,
    method: (...args: Arguments) => Promise<Answer>,
  ) {
    return async (...args: Arguments) => {
      try {
        return await method(...args)
      } catch (error) {
        failedRedisCommands.report(command)
        denied.report(error)
        refused.report(error)
        throw error
      }
    }
  }

  let reportedPolicy: string | undefined
  /** Logs a policy once, and again if it was corrected in the meantime. */
  function reportEviction(policy: string | undefined): void {
    if (policy !== undefined && policy !== reportedPolicy)
      log?.warn(
        `Redis may evict keys (maxmemory-policy is ${policy}), so the copy of the blacklist, counters and activity times ` +
          'can be lost without notice: set maxmemory-policy to noeviction in redis.conf, or with CONFIG SET.',
      )
    reportedPolicy = policy
  }

  /** The right to INFO is optional: without it, an answer to PING is enough. */
  async function memoryOf(node: Redis | Cluster): Promise<string> {
    try {
      return await node.info('memory')
    } catch (error) {
      if (!isDenied(error)) throw error
      denied.reportOptional(error)
      await node.ping()
      return ''
    }
  }

  return {
    publish: reporting('publish', channel.publish),
    follow: channel.follow,
    complete: reporting('complete', channel.complete),
    recordActivity: reporting('recordActivity', activity.recordActivity),
    lastActivity: reporting('lastActivity', activity.lastActivity),
    generationLastSeen: reporting('generationLastSeen', activity.generationLastSeen),

    get untrustedCount() {
      return untrusted.count
    },
    get isConnected() {
      return redis.status === 'ready'
    },

    hit: reporting('hit', async (counter, windowMs) => {
      const [count, resetsInMs, wasRepaired] = await redis.latchkeyHit(keys.hits(counter), windowMs)
      if (wasRepaired) untrusted.report('a counter is not a number, or ends later than its window')
      return { count, resetsInMs }
    }),

    unhit: reporting('unhit', async counter => {
      await redis.latchkeyUnhit(keys.hits(counter))
    }),

    async ping() {
      const nodes = redis instanceof Cluster ? redis.nodes('master') : []
      const memories = await Promise.all([redis, ...nodes].map(memoryOf))
      // With any other policy Redis may delete keys before their end.
      const policies = memories.map(memory => /^maxmemory_policy:(\S+)/m.exec(memory)?.[1] ?? 'noeviction')
      const mayEvict = policies.find(policy => policy !== 'noeviction')
      reportEviction(mayEvict)
      return [
        ...(mayEvict === undefined ? [] : ['redis-eviction']),
        ...(untrusted.isRecent ? ['redis-untrusted'] : []),
        ...(denied.isRecent ? ['redis-rights'] : []),
        ...(refused.isRecent ? ['redis-writes'] : []),
      ]
    },

    async close() {
      // QUIT lets pending commands finish. An unavailable server cannot receive it.
      await redis.quit().catch(() => redis.disconnect())
    },
  }
}
