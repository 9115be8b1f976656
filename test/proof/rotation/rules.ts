import type { judgeRefreshToken, RefreshTimes } from '../../../src/auth/judge-refresh-token.js'

/** The rule under proof, and the ways in which a planted bug may differ from it. */
export interface Rules {
  /** Other times than those of the bounds, in ticks. */
  times: Partial<RefreshTimes>
  /** Instead of the service's own. */
  judge?: typeof judgeRefreshToken
  /** Instead of the grace of the bounds. */
  graceTicks?: number
  /** Whether `rotate` takes the next token, too. */
  rotatesNext: boolean
  /** Whether `rotate` takes any successor. */
  anySuccessor: boolean
  /** Whether an answer that comes late leaves a younger token alone. */
  slots: boolean
  /** Whether a ticket counts with any token. */
  anyTicketCounts: boolean
}

export const RULES: Rules = {
  times: {},
  rotatesNext: true,
  anySuccessor: false,
  slots: true,
  anyTicketCounts: false,
}
