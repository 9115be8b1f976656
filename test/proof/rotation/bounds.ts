import type { RefreshTimes } from '../../../src/auth/judge-refresh-token.js'

/** What may happen in a model of rotation, and how often. */
export interface RotationBounds {
  /** The settings, in ticks. */
  times: RefreshTimes
  /** Whether the client keeps its token itself, and sends it in a body: without cookies, marks and tickets. */
  inBody: boolean
  /** How many generations before the current one are told apart. */
  window: number
  /** Requests under way at once. */
  flights: number
  /** After how many ticks a browser has written its cookies to disk. */
  flushTicks: number
  /** An answer that was under way for longer is not lost by a crash before it is on disk. */
  answerTicks: number
  /** Whether a crash takes the requests with it whose token is not on disk. */
  crashTakesRequests: boolean
  crashes: number
  failovers: number
  /** A failover loses the last commit if it is no older. */
  lagTicks: number
  /** How often Redis loses what it holds. */
  losses: number
  /**
   * In how many generations a late answer may be counted although nobody but one client is there: its browser shows
   * another mark than before, or, without cookies, lost the answer.
   */
  counted: number
  /** For so long after the first refusal, and no longer, a request in a body may still be under way. */
  graceTicks: number
  secretsChange: boolean
  /** Whether a thief may steal the jar; he may not gain more generations than this. */
  maxGains: number | null
}
