import type { judgeRefreshToken, RefreshTimes } from '../../../src/domain/tokens/judge-refresh-token.js'

/** How the model follows the service. A planted bug changes one of these. */
export interface Rules {
  /** Times that replace those of the bounds, in ticks. */
  times: Partial<RefreshTimes>
  /** Replaces the judge of the service. */
  judge?: typeof judgeRefreshToken
  /** Replaces the grace of the bounds. */
  graceTicks?: number
  /** Whether `rotate` also accepts the next token. */
  rotatesNext: boolean
  /** Whether `rotate` accepts any successor. */
  anySuccessor: boolean
  /** Whether a late answer does not replace a younger token. */
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
