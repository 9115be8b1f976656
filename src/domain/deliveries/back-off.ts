const SECOND = 1
const MINUTE = 60
const HOUR = 60 * MINUTE

/** The pauses after the first attempts; then the last one again and again. Together they exceed {@link GIVE_UP_SECONDS}. */
const PAUSES = [
  ...[5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE],
  ...[HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR],
]

/** A delivery that has waited so long is given up when an attempt fails, if it is not one of its first. */
export const GIVE_UP_SECONDS = 3 * 24 * HOUR
/** An event that waited for an earlier one of its user, or for a receiver that was down, is tried this often at least. */
export const LEAST_ATTEMPTS = 5

/** A receiver to which every attempt failed for so long is disabled. */
export const DISABLE_SECONDS = 7 * 24 * HOUR

/** After so many attempts that failed in a row, the receiver itself is taken to fail, and not single events. */
export const OUTAGE_FAILURES = 5

/** The longest time that a receiver can ask for with Retry-After. */
const MAX_RETRY_AFTER_SECONDS = HOUR

/**
 * How long to wait after an attempt that failed, in seconds, with up to a fifth more: many events that failed together
 * are not all sent again at the same moment.
 *
 * @param attempts how often it was tried, this time included
 * @param random a number from 0 to 1
 */
export function pauseAfter(attempts: number, random = Math.random()): number {
  const pause = PAUSES[Math.min(attempts, PAUSES.length) - 1]!
  return pause * (1 + random / 5)
}

/**
 * How long nothing at all is sent to a receiver that fails, in seconds: as long as it has failed, from five seconds to five
 * minutes. It does not depend on the number of failures, because several attempts fail at the same moment.
 */
export function outagePause(failingForSeconds: number, random = Math.random()): number {
  return Math.min(Math.max(failingForSeconds, 5 * SECOND), 5 * MINUTE) * (1 + random / 5)
}

/**
 * Reads the header Retry-After (RFC 9110, 10.2.3), in seconds, up to an hour; undefined if there is none, or if it cannot be
 * read.
 */
export function readRetryAfter(header: string | undefined, now = Date.now()): number | undefined {
  if (header === undefined) return undefined
  const seconds = /^\d{1,9}$/.test(header.trim()) ? Number(header) : (Date.parse(header) - now) / 1000
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 0), MAX_RETRY_AFTER_SECONDS)
}
