import type { RefreshTimes } from '../../../src/domain/tokens/judge-refresh-token.js'

/** What may happen in a model of rotation, and how often. */
export interface RotationBounds {
  /** The settings, in ticks. */
  times: RefreshTimes
  /** Whether the client stores its token itself, and sends it in the body: without cookies, marks and tickets. */
  inBody: boolean
  /** How many generations before the current one are distinguished. */
  window: number
  /** Requests in progress at once. */
  flights: number
  /** After how many ticks a browser has written its cookies to disk. */
  flushTicks: number
  /** An answer that took longer is not lost in a crash before it is on disk. */
  answerTicks: number
  /** Whether a crash also loses the requests whose token is not on disk. */
  crashTakesRequests: boolean
  crashes: number
  failovers: number
  /** A failover loses the last commit if it is no older. */
  lagTicks: number
  /** How often Redis loses what it holds. */
  losses: number
  /**
   * In how many generations a late answer may be counted although there is only one client: its browser sends another
   * mark than before, or, without cookies, lost the answer.
   */
  counted: number
  /** For how long after the first refusal a request with a token in the body may still be in progress. */
  graceTicks: number
  secretsChange: boolean
  /** The most generations that a thief who copied the cookie jar may gain; null: there is no thief. */
  maxGains: number | null
}
