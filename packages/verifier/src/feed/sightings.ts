import type { Principal } from '../core/index.js'

/** Activity is an estimate: more tokens in a second are not recorded, so that memory is bounded. */
const MAX_PENDING = 10_000
/** The most tokens of one report, and so the most sessions. */
const MAX_REPORTED = 1000

/** When tokens were seen here, in milliseconds since the epoch, until that is reported. */
export class Sightings {
  #pending = new Map<Principal, number>()
  #dropped = 0

  get size(): number {
    return this.#pending.size
  }

  /** How many were not recorded. */
  get dropped(): number {
    return this.#dropped
  }

  /**
   * Records that a token was used. Called for each request, so it does as little as possible.
   *
   * @returns how many tokens are recorded, if this one is new; otherwise undefined
   */
  record(principal: Principal, nowMs: number): number | undefined {
    const { size } = this.#pending
    if (size >= MAX_PENDING && !this.#pending.has(principal)) {
      this.#dropped++
      return undefined
    }
    this.#pending.set(principal, nowMs)
    return this.#pending.size > size ? size + 1 : undefined
  }

  /** What the next report says; the rest waits for the one after it. */
  take(): ReadonlyMap<Principal, number> {
    const taken = this.#pending
    this.#pending = new Map()
    if (taken.size <= MAX_REPORTED) return taken
    for (const [principal, seenAtMs] of [...taken].slice(MAX_REPORTED)) {
      taken.delete(principal)
      this.#pending.set(principal, seenAtMs)
    }
    return taken
  }

  /** The report failed: what it said is said again, unless something newer is known. */
  putBack(taken: ReadonlyMap<Principal, number>): void {
    for (const [principal, seenAtMs] of taken) {
      if (this.#pending.has(principal)) continue
      if (this.#pending.size >= MAX_PENDING) this.#dropped++
      else this.#pending.set(principal, seenAtMs)
    }
  }

  clear(): void {
    this.#pending.clear()
  }
}

/** A session of a report (docs/receipts.md). */
export interface ReportedSession {
  sid: string
  gen: number
  at: number
}

/** Each generation of a session once, with its latest instant. */
export function sessionsIn(seen: ReadonlyMap<Principal, number>): ReportedSession[] {
  const sessions = new Map<string, ReportedSession>()
  for (const [{ sessionId: sid, generation: gen }, at] of seen) {
    const key = `${sid}:${gen}`
    const before = sessions.get(key)
    if (before === undefined || before.at < at) sessions.set(key, { sid, gen, at: Math.floor(at) })
  }
  return [...sessions.values()]
}
