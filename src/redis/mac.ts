import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Log } from '../log.js'

/** Newest first: the first makes, all verify. */
export type MacKeys = readonly [Buffer, ...Buffer[]]

/** Tells what this service wrote into Redis from what somebody else did. */
export interface Mac {
  /** The tag of a text that is kept under this name: HMAC-SHA-256 in base64url. */
  tagOf(name: string, text: string): string
  /** Whether one of our keys made this tag, for this text and under this name. */
  verify(name: string, text: string, tag: string): boolean
}

/** The tag covers the name of the key in Redis, so that what is genuine there is not believed elsewhere. */
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

/** No name has a NUL in it, so one pair of name and text can't be read as another. */
function tagWith(key: Buffer, name: string, text: string): string {
  return createHmac('sha256', key).update(`${name}\0`).update(text).digest('base64url')
}

/** Somebody who forges does so again and again; the log hears of it at once, and then no more often than this. */
const MESSAGE_INTERVAL_MS = 10 * 60 * 1000
const RECENT_MS = 60 * 1000

/** Counts what was found in Redis and not believed. */
export interface UntrustedData {
  /** How often that was, since the start. */
  readonly count: number
  /** Whether it happened within the last minute. */
  readonly isRecent: boolean
  /** @param what was found, as the end of a sentence; never any part of it */
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
      log?.warn(
        `Redis holds what this service did not write, which is not believed: ${what} (${count} since the start)`,
      )
    },
  }
}
