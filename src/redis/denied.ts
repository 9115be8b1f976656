import type { Log } from '../log.js'

const RECENT_MS = 60 * 1000

/** Notices when Redis has a command or a key that its user may not use. */
export interface Denied {
  /** Whether something that the service needs was denied within the last minute. */
  readonly isRecent: boolean
  /** Takes note of an error if it is a denial. */
  note(error: unknown): void
  /** Does the same for what the service can do without. */
  noteDispensable(error: unknown): void
}

/** @param now - milliseconds since the epoch */
export function createDenied(now: () => number, log?: Pick<Log, 'warn'>): Denied {
  const said = new Set<string>()
  let notedAt = Number.NEGATIVE_INFINITY

  function say(error: unknown): void {
    const { message } = error as Error
    if (said.has(message)) return
    said.add(message)
    log?.warn(
      `Redis denies this service a right: ${message}. Grant its user what docs/configuration.md lists under "Rights".`,
    )
  }

  return {
    get isRecent() {
      return now() - notedAt < RECENT_MS
    },
    note(error) {
      if (!isDenial(error)) return
      notedAt = now()
      say(error)
    },
    noteDispensable(error) {
      if (isDenial(error)) say(error)
    },
  }
}

/** Also of a command within a script, which Redis words otherwise, and before 7.2 without naming the command. */
export function isDenial(error: unknown): boolean {
  return error instanceof Error && /^NOPERM|ACL failure|user executing the script/.test(error.message)
}
