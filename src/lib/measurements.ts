import { channel } from 'node:diagnostics_channel'

/**
 * What this process reports about its work. Every layer can report, and none knows who listens: src/metrics does, if
 * METRICS_PORT is set. Without a listener, a report costs one comparison.
 */
export interface Measurement<Report> {
  /** Whether anybody listens, for a report that costs something to make. */
  readonly isWanted: boolean
  report(report: Report): void
  /**
   * The listener must return at once: requests wait for it. What it throws is ignored.
   *
   * @returns a function that removes the listener
   */
  listen(listener: (report: Report) => void): () => void
}

function measurement<Report>(name: string): Measurement<Report> {
  const reports = channel(`latchkey:${name}`)
  return {
    get isWanted() {
      return reports.hasSubscribers
    },
    report(report) {
      if (reports.hasSubscribers) reports.publish(report)
    },
    listen(listener) {
      // Node would end the process.
      const guarded = (report: unknown) => {
        try {
          listener(report as Report)
        } catch {
          // A measurement is lost, and no request.
        }
      }
      reports.subscribe(guarded)
      return () => void reports.unsubscribe(guarded)
    },
  }
}

/** How a sign-in with a password ended; `failed`: a store was unavailable, or the code has a defect. */
export const SIGN_IN_OUTCOMES = [
  'signed_in',
  'wrong_password',
  'unknown_account',
  'account_locked',
  'account_disabled',
  'account_changed',
  'password_change_required',
  'too_many_sessions',
  'rate_limited',
  'busy',
  'failed',
] as const
export type SignInOutcome = (typeof SIGN_IN_OUTCOMES)[number]
export const signIns = measurement<SignInOutcome>('sign-in')

/** The rows of the table in docs/rotation.md, and what happens to a request that no row answers. */
export const REFRESH_ROWS = {
  '0': 'invalid',
  '0b': 'client_required',
  '1': 'over',
  '2': 'rotated',
  '3': 'young',
  '4': 'recovered',
  '5': 'replayed',
  '6': 'late',
  '7': 'superseded',
  '8': 'reused',
  '9': 'unknown',
  none: 'failed',
} as const
export type RefreshRow = keyof typeof REFRESH_ROWS
/** `isRotating` is false for `{"rotate": false}`, which changes nothing. */
export const refreshes = measurement<{ row: RefreshRow; isRotating: boolean }>('refresh')

/** `undecided`: the list of revocations is too old to say that the token is not revoked. */
export const TOKEN_CHECK_OUTCOMES = ['valid', 'invalid', 'expired', 'revoked', 'stale', 'undecided'] as const
export type TokenCheckOutcome = (typeof TOKEN_CHECK_OUTCOMES)[number]
export const tokenChecks = measurement<TokenCheckOutcome>('token-check')

/** How an entry came to the list of this instance. */
export const REVOCATION_WAYS = ['own', 'redis', 'journal'] as const
export type RevocationWay = (typeof REVOCATION_WAYS)[number]
/** Entries that the list did not have. */
export const appliedRevocations = measurement<{
  way: RevocationWay
  /** How long ago each entry was written, by the clock of the database. */
  agesSeconds: readonly number[]
}>('applied-revocations')

/** A hash was refused because the queue is full. */
export const refusedHashes = measurement<undefined>('refused-hash')

/** The commands for Redis, by what the service wants. */
export const REDIS_COMMANDS = [
  'publish',
  'follow',
  'complete',
  'recordActivity',
  'lastActivity',
  'generationLastSeen',
  'hit',
  'unhit',
] as const
export type RedisCommand = (typeof REDIS_COMMANDS)[number]
export const failedRedisCommands = measurement<RedisCommand>('failed-redis-command')

/** A clean-up ended: how many rows of each kind it deleted; undefined if it failed. */
export const cleanUps = measurement<Readonly<Record<string, number>> | undefined>('clean-up')

/** Work that is tried again and again failed. `task` is a constant of the code. */
export const failedTasks = measurement<string>('failed-task')

/** An attempt to send an event to a receiver ended. */
export const DELIVERY_OUTCOMES = ['delivered', 'failed', 'refused', 'gone', 'interrupted'] as const
export type DeliveryOutcome = (typeof DELIVERY_OUTCOMES)[number]
export const deliveryAttempts = measurement<{ kind: string; outcome: DeliveryOutcome }>('delivery-attempt')

/** Why the server at REGISTRATION_HOOK_URL decided nothing: no answer in time, another status, or a content that is none. */
export const HOOK_FAILURES = ['no_answer', 'status', 'content'] as const
export type HookFailure = (typeof HOOK_FAILURES)[number]
/** The server at REGISTRATION_HOOK_URL was asked about a registration. */
export const registrationHookAnswers = measurement<
  { outcome: 'allowed' | 'refused'; reason: 'decided' } | { outcome: 'failed'; reason: HookFailure }
>('registration-hook-answer')
