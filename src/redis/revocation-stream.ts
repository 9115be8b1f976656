import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster, Redis } from 'ioredis'
import type { Log } from '../log.js'
import { readRevocation } from '../revocations/read-revocation.js'
import type { Revocation } from '../revocations/revocation.js'
import type { Following, OnNews } from '../revocations/revocations.js'
import { redisReady } from './client.js'
import type { RedisScripts } from './commands.js'
import { type DeniedRights, isWrongType } from './errors.js'
import type { Keys } from './keys.js'
import type { Mac, UntrustedData } from './mac.js'

export interface RevocationStreamOptions {
  redis: (Redis | Cluster) & RedisScripts
  openFollower(): Redis | Cluster
  keys: Keys
  mac: Mac
  untrusted: UntrustedData
  denied: DeniedRights
  /** Milliseconds since the epoch. */
  now(): number
  log?: Pick<Log, 'warn'> | undefined
}

/** How long one read of the stream waits for news. What comes back empty is a sign of life. */
const BLOCK_MS = 1000
const MAX_ENTRIES_PER_READ = 1000
const RETRY_MS = 250
/** A start goes on without Redis. */
const LISTENING_TIMEOUT_MS = 500
/** More than are ever missed in a second; an instance that was away longer reads the journal. */
const MAX_ENTRIES = 10_000
/** Before every entry of a stream. */
const START = '0-0'

/** Tells the instances that follow the stream. One that nothing can be added to is made again: the journal has it all. */
export async function publishRevocations(
  { redis, keys, mac, untrusted }: RevocationStreamOptions,
  revocations: readonly Revocation[],
): Promise<void> {
  const news = JSON.stringify(revocations)
  const wasRepaired = await redis.latchkeyPublish(
    keys.news,
    MAX_ENTRIES,
    keys.newsTtlMs,
    news,
    mac.tagOf(keys.news, news),
  )
  if (wasRepaired) untrusted.report('nothing could be added to the stream of revocations, so it was made again')
}

/** Reads the stream until it is stopped. While Redis is away it tries again; what it misses comes by the journal. */
export function followRevocations(options: RevocationStreamOptions, onNews: OnNews): Following {
  const { openFollower, keys, untrusted, denied, log } = options
  const follower = openFollower()
  const stopped = new AbortController()
  let hasLoggedRestart = false
  let isListening = () => {}
  const listening = new Promise<void>(resolve => {
    isListening = resolve
  })
  const ended = run().finally(() => isListening())

  async function run(): Promise<void> {
    let lastId: string | undefined
    let unbrokenSinceMs: number | undefined
    let isStream = true
    // A command that comes before the connection is refused, and the next attempt would be too late.
    await redisReady(follower, LISTENING_TIMEOUT_MS)
    while (!stopped.signal.aborted) {
      try {
        lastId ??= await newestId()
        unbrokenSinceMs ??= performance.now()
        isListening()
        const askedAtMs = performance.now()
        const answer = await follower.xread(
          'COUNT',
          MAX_ENTRIES_PER_READ,
          'BLOCK',
          BLOCK_MS,
          'STREAMS',
          keys.news,
          lastId,
        )
        isStream = true
        const entries = answer?.[0]?.[1] ?? []
        if (entries.length === 0 && (await hasRestarted(lastId))) {
          lastId = START
          unbrokenSinceMs = undefined
          continue
        }
        // Before anything of them is looked at: what can't be read must not be read for ever.
        lastId = entries.at(-1)?.[0] ?? lastId
        const revocations = entries.flatMap(([, fields]) => readEntry(options, fields))
        onNews(revocations, unbrokenSinceMs, asOf(askedAtMs, entries.length))
      } catch (error) {
        unbrokenSinceMs = undefined
        isListening()
        denied.report(error)
        if (isWrongType(error)) {
          if (isStream) untrusted.report('the stream of revocations is of another type')
          isStream = false
          // All that comes when it is one again is new.
          lastId = START
        }
        await sleep(RETRY_MS, undefined, { signal: stopped.signal }).catch(() => {})
      }
    }
  }

  async function newestId(): Promise<string> {
    const [newest] = await follower.xrevrange(keys.news, '+', '-', 'COUNT', 1)
    return newest?.[0] ?? START
  }

  /** Whether the stream has come to its end before this id. Without any entry there is nothing to be told of. */
  async function hasRestarted(lastId: string): Promise<boolean> {
    const newest = await newestId()
    if (newest === START || !isBefore(newest, lastId)) return false
    if (!hasLoggedRestart) log?.warn('the stream of revocations in Redis has begun again, and is read from its start')
    hasLoggedRestart = true
    return true
  }

  return {
    listening,
    async stop() {
      stopped.abort()
      follower.disconnect()
      await ended
    },
  }
}

/**
 * Up to when everything has been heard: an answer may have waited while this process stood still, and more been said
 * since. Redis gave an empty one after it had waited for so long itself, another at some time after it was asked, and to
 * a full one there is more.
 */
function asOf(askedAtMs: number, count: number): number {
  if (count === 0) return askedAtMs + BLOCK_MS
  return count < MAX_ENTRIES_PER_READ ? askedAtMs : Number.NEGATIVE_INFINITY
}

/** What an entry of the stream says, as far as it is to be believed: `revocations <json> mac <tag>`. */
function readEntry({ keys, mac, untrusted, now }: RevocationStreamOptions, fields: readonly string[]): Revocation[] {
  const [name, text = '', macName, tag = ''] = fields
  if (name !== 'revocations' || macName !== 'mac' || !mac.verify(keys.news, text, tag)) {
    untrusted.report('an entry of the stream of revocations has no MAC of ours')
    return []
  }
  const at = now()
  return parseList(text).flatMap(value => {
    const read = readRevocation(value, at)
    if (read === 'malformed') untrusted.report('a revocation in the stream is malformed or out of bounds')
    return typeof read === 'string' ? [] : [read]
  })
}

/** What is no list counts as one malformed value. */
function parseList(text: string): unknown[] {
  try {
    const list: unknown = JSON.parse(text)
    return Array.isArray(list) ? list : [undefined]
  } catch {
    return [undefined]
  }
}

/** Ids are `<milliseconds>-<number>`, and each part has 64 bits. */
function isBefore(id: string, other: string): boolean {
  const [ms = 0n, number = 0n] = id.split('-').map(BigInt)
  const [otherMs = 0n, otherNumber = 0n] = other.split('-').map(BigInt)
  return ms === otherMs ? number < otherNumber : ms < otherMs
}
