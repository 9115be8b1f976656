import { setTimeout as sleep } from 'node:timers/promises'
import { type Revocation, readRevocation } from '@latchkey/verifier/core'
import type { Cluster, Redis } from 'ioredis'
import type { Log } from '../lib/log.js'
import { failedRedisCommands } from '../lib/measurements.js'
import type { RevocationListener, RevocationSubscription } from '../revocations/revocation-channel.js'
import { redisReady } from './client.js'
import type { RedisScripts } from './commands.js'
import { isWrongType } from './errors.js'
import type { Keys } from './key-names.js'
import type { Mac, UntrustedData } from './mac.js'
import type { DeniedRights } from './refusals.js'

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

/** How long one read of the stream waits for entries. An empty answer shows that Redis works. */
const BLOCK_MS = 1000
const MAX_ENTRIES_PER_READ = 1000
const RETRY_MS = 250
/** The service also starts without Redis. */
const LISTENING_TIMEOUT_MS = 500
/** More than an instance can miss in a second. One that missed more reads the journal. */
const MAX_ENTRIES = 10_000
/** The id before the first entry of a stream. */
const START = '0-0'

/**
 * Sends revocations to the instances that follow the stream. A stream that rejects entries is created again: the
 * journal has everything.
 */
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
  if (wasRepaired) untrusted.report('the stream of revocations accepted no entry, so it was created again')
}

/**
 * Reads the stream until it is stopped. While Redis is unavailable it retries; what it misses is read from the journal.
 */
export function followRevocations(
  options: RevocationStreamOptions,
  listener: RevocationListener,
): RevocationSubscription {
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
    // A command before the connection is open is rejected, and the next attempt would be too late.
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
        // Before the entries are parsed: one that cannot be parsed must not be read for ever.
        lastId = entries.at(-1)?.[0] ?? lastId
        const revocations = entries.flatMap(([, fields]) => readEntry(options, fields))
        listener(revocations, unbrokenSinceMs, asOf(askedAtMs, entries.length))
      } catch (error) {
        unbrokenSinceMs = undefined
        isListening()
        if (!stopped.signal.aborted) failedRedisCommands.report('follow')
        denied.report(error)
        if (isWrongType(error)) {
          if (isStream) untrusted.report('the stream of revocations has another type')
          isStream = false
          // Every entry of the stream that is created next is new.
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

  /**
   * Whether the last entry of the stream is before this id, so that the stream was created again. An empty one does not
   * count.
   */
  async function hasRestarted(lastId: string): Promise<boolean> {
    const newest = await newestId()
    if (newest === START || !isBefore(newest, lastId)) return false
    if (!hasLoggedRestart) log?.warn('the stream of revocations in Redis was created again, and is read from its start')
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
 * The time up to which every revocation is known. The time of arrival does not tell: while this process was paused, an
 * answer may have waited, and more may have been published. Redis gives an empty answer after it has waited for
 * BLOCK_MS, another answer at some time after the request, and after a full answer there may be more entries.
 */
function asOf(askedAtMs: number, count: number): number {
  if (count === 0) return askedAtMs + BLOCK_MS
  return count < MAX_ENTRIES_PER_READ ? askedAtMs : Number.NEGATIVE_INFINITY
}

/** The revocations of an entry, `revocations <json> mac <tag>`, that pass every check. */
function readEntry({ keys, mac, untrusted, now }: RevocationStreamOptions, fields: readonly string[]): Revocation[] {
  const [name, text = '', macName, tag = ''] = fields
  if (name !== 'revocations' || macName !== 'mac' || !mac.verify(keys.news, text, tag)) {
    untrusted.report('an entry of the stream of revocations has no valid MAC')
    return []
  }
  const at = now()
  return parseList(text).flatMap(value => {
    const read = readRevocation(value, at)
    if (read === 'malformed') untrusted.report('a revocation in the stream is malformed or out of bounds')
    return typeof read === 'string' ? [] : [read]
  })
}

/** A text that is not a list counts as one malformed value. */
function parseList(text: string): unknown[] {
  try {
    const list: unknown = JSON.parse(text)
    return Array.isArray(list) ? list : [undefined]
  } catch {
    return [undefined]
  }
}

/** Ids are `<milliseconds>-<number>`; each part has 64 bits. */
function isBefore(id: string, other: string): boolean {
  const [ms = 0n, number = 0n] = id.split('-').map(BigInt)
  const [otherMs = 0n, otherNumber = 0n] = other.split('-').map(BigInt)
  return ms === otherMs ? number < otherNumber : ms < otherMs
}
