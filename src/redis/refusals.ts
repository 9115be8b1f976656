import { messageOf } from '../lib/error-facts.js'
import type { Log } from '../lib/log.js'
import { isDenied, isRefusedWrite } from './errors.js'

// What Redis refuses although it answers: writes, and commands that its user may not send.

const RECENT_MS = 60 * 1000

/** Remembers that Redis took no writes. */
export interface RefusedWrites {
  /** Whether that was within the last minute. */
  readonly isRecent: boolean
  /** Logs an error if it is such a refusal, at most once a minute. */
  report(error: unknown): void
}

/** @param now - milliseconds since the epoch */
export function createRefusedWrites(now: () => number, log?: Pick<Log, 'warn'>): RefusedWrites {
  let reportedAt = Number.NEGATIVE_INFINITY
  const isRecent = () => now() - reportedAt < RECENT_MS
  return {
    get isRecent() {
      return isRecent()
    },
    report(error) {
      if (!isRefusedWrite(error)) return
      if (!isRecent())
        log?.warn(
          `Redis takes no writes: ${messageOf(error)} Revocations need up to two seconds until that is corrected: give Redis ` +
            'more memory (maxmemory), its replicas, or space on its disk.',
        )
      reportedAt = now()
    },
  }
}

/** Reports commands and keys that the Redis user of this service is not allowed to use. */
export interface DeniedRights {
  /** Whether something that the service needs was denied within the last minute. */
  readonly isRecent: boolean
  /** Logs an error if it denies a right, once for each message. */
  report(error: unknown): void
  /** Does the same for a right that the service can work without. */
  reportOptional(error: unknown): void
}

/** @param now - milliseconds since the epoch */
export function createDeniedRights(now: () => number, log?: Pick<Log, 'warn'>): DeniedRights {
  const logged = new Set<string>()
  let reportedAt = Number.NEGATIVE_INFINITY

  function logOnce(error: unknown): void {
    const message = messageOf(error)
    if (logged.has(message)) return
    logged.add(message)
    log?.warn(
      `Redis denies this service a right: ${message}. ` +
        'Grant its user the rights that docs/configuration.md lists under "Rights".',
    )
  }

  return {
    get isRecent() {
      return now() - reportedAt < RECENT_MS
    },
    report(error) {
      if (!isDenied(error)) return
      reportedAt = now()
      logOnce(error)
    },
    reportOptional(error) {
      if (isDenied(error)) logOnce(error)
    },
  }
}
