import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Log } from '../lib/log.js'

/** Newest first: the first one signs, all of them verify. */
export type MacKeys = readonly [Buffer, ...Buffer[]]

/** Distinguishes what this service wrote to Redis from what others wrote. */
export interface Mac {
  /** The MAC of a text that is stored under this name: HMAC-SHA-256 in base64url. */
  tagOf(name: string, text: string): string
  /** Whether this is the MAC of this text under this name, with one of our keys. */
  verify(name: string, text: string, tag: string): boolean
}

/** The MAC covers the name of the key in Redis, so that a value is not valid under another key. */
export function createMac(keys: MacKeys): Mac {
  return {
    tagOf: (name, text) => tagWith(keys[0], name, text),
    verify(name, text, tag) {
      const given = Buffer.from(tag)
      return keys.some(key => {
        const ours = Buffer.from(tagWith(key, name, text))
        return ours.length === given.length && timingSafeEqual(ours, given)
      })
    },
  }
}

/** No name contains a NUL, so two different pairs of name and text never give the same input. */
function tagWith(key: Buffer, name: string, text: string): string {
  return createHmac('sha256', key).update(`${name}\0`).update(text).digest('base64url')
}

/** The first finding is logged at once, the next ones no more often than this: an attacker tries again and again. */
const MESSAGE_INTERVAL_MS = 10 * 60 * 1000
const RECENT_MS = 60 * 1000

/** Counts and logs what was found in Redis and not accepted. */
export interface UntrustedData {
  /** Since the start. */
  readonly count: number
  /** Whether it happened within the last minute. */
  readonly isRecent: boolean
  /** @param what was found, as the end of a sentence; never any part of the value itself */
  report(what: string): void
}

/** @param now - milliseconds since the epoch */
export function createUntrustedData(now: () => number, log?: Pick<Log, 'warn'>): UntrustedData {
  let count = 0
  let reportedAt = Number.NEGATIVE_INFINITY
  let loggedAt = Number.NEGATIVE_INFINITY

  return {
    get count() {
      return count
    },
    get isRecent() {
      return now() - reportedAt < RECENT_MS
    },
    report(what) {
      count++
      reportedAt = now()
      if (reportedAt - loggedAt < MESSAGE_INTERVAL_MS) return
      loggedAt = reportedAt
      log?.warn(`Ignored data in Redis that this service did not write (${count} since the start): ${what}`)
    },
  }
}
