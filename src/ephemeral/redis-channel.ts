import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster, Redis } from 'ioredis'
import type { Log } from '../log.js'
import type { JournalPosition } from '../revocations/journal-follower.js'
import { boundOf, type Revocation } from '../revocations/revocation.js'
import type { OnNews, RevocationChannel } from '../revocations/revocations.js'
import { inBatches } from './in-batches.js'
import type { Keys } from './keys.js'
import type { RedisScripts } from './redis-scripts.js'

export interface RedisChannelOptions {
  redis: (Redis | Cluster) & RedisScripts
  openFollower(): Redis | Cluster
  keys: Keys
  /** Milliseconds since the epoch. */
  now(): number
  log?: Pick<Log, 'warn'> | undefined
}

/** How long one read of the stream waits for news. What comes back empty is a sign of life. */
const BLOCK_MS = 1000
const RETRY_MS = 250
/** More than are ever missed in a second; whoever was away longer reads the journal. */
const MAX_NEWS = 10_000

/**
 * The blacklist in Redis, and a stream by which instances hear of its entries within milliseconds. Both may lose
 * anything at any time: the journal in Postgres is read every second, and a watermark tells whether the blacklist has
 * everything up to there.
 */
export function createRedisChannel(options: RedisChannelOptions): RevocationChannel {
  const { redis, keys, now } = options
  // One key an instance, so that copies which fail leave no more than that behind.
  const witness = keys.copying(randomUUID())
  // The watermark is on one node of a cluster and speaks for all. Another that was gone may come back without its part.
  let lostNodes = 0
  let mendedNodes = 0
  redis.on('-node', () => lostNodes++)

  async function blacklist(revocations: readonly Revocation[]): Promise<void> {
    const at = now()
    const live = revocations.filter(({ expiresAt }) => expiresAt === null || expiresAt > at)
    await inBatches(live, revocation => {
      const bound = boundOf(revocation)?.value ?? 1
      const ttlMs = revocation.expiresAt === null ? 0 : Math.ceil(revocation.expiresAt - at)
      return redis.latchkeyRaise(keys.revoked(revocation), bound, ttlMs)
    })
  }

  return {
    async publish(revocations) {
      const news = JSON.stringify(revocations)
      await Promise.all([
        redis.xadd(keys.news, 'MAXLEN', '~', MAX_NEWS, '*', 'revocations', news),
        redis.pexpire(keys.news, keys.newsTtlMs),
        blacklist(revocations),
      ])
    },

    follow: onNews => followStream(options, onNews),

    async complete({ from, to, entries, all }) {
      // Redis may lose what is being copied, and be flushed or set back to an older watermark. The witness goes with it,
      // and a copy that does not find itself there leaves the watermark to the next one.
      const copyId = randomUUID()
      const [, watermark] = await Promise.all([
        redis.set(witness, copyId, 'PX', keys.copyingTtlMs),
        redis.get(keys.watermark),
      ])
      const lost = lostNodes
      const isComplete = lost === mendedNodes && from !== undefined && reaches(watermark, from)
      await blacklist(isComplete ? entries : all())
      await redis.latchkeyAdvance(keys.watermark, witness, to.serverStart, to.xid, keys.watermarkTtlMs, copyId)
      mendedNodes = lost
    },
  }
}

/** Whether a watermark says that everything up to this position is there. */
function reaches(watermark: string | null, { serverStart, xid }: JournalPosition): boolean {
  const [start, reached] = watermark?.split(':') ?? []
  return start === serverStart && reached !== undefined && /^\d+$/.test(reached) && BigInt(reached) >= BigInt(xid)
}

/** Reads the stream until it is stopped. While Redis is away it tries again; what it misses comes by the journal. */
function followStream({ openFollower, keys, log }: RedisChannelOptions, onNews: OnNews): { stop(): Promise<void> } {
  const follower = openFollower()
  const stopped = new AbortController()
  const ended = run()

  async function run(): Promise<void> {
    let lastId: string | undefined
    let unbrokenSinceMs: number | undefined
    while (!stopped.signal.aborted) {
      try {
        lastId ??= await newestId()
        unbrokenSinceMs ??= performance.now()
        const answer = await follower.xread('COUNT', 1000, 'BLOCK', BLOCK_MS, 'STREAMS', keys.news, lastId)
        const entries = answer?.[0]?.[1] ?? []
        onNews(
          entries.flatMap(([, fields]) => parseNews(fields)),
          unbrokenSinceMs,
        )
        lastId = entries.at(-1)?.[0] ?? lastId
      } catch {
        unbrokenSinceMs = undefined
        await sleep(RETRY_MS, undefined, { signal: stopped.signal }).catch(() => {})
      }
    }
  }

  async function newestId(): Promise<string> {
    const [newest] = await follower.xrevrange(keys.news, '+', '-', 'COUNT', 1)
    return newest?.[0] ?? '0-0'
  }

  function parseNews(fields: string[]): Revocation[] {
    try {
      return JSON.parse(fields[1] ?? '[]')
    } catch {
      log?.warn('an entry of the stream of revocations is no JSON')
      return []
    }
  }

  return {
    async stop() {
      stopped.abort()
      follower.disconnect()
      await ended
    },
  }
}
