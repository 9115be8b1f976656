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
  /** Whether `rotate: false` gives the previous token an access token of the current generation. */
  asksForCurrent: boolean
  /** Whether `rotate: false` refuses the previous token. */
  asksOnlyCurrent: boolean
  /** Whether `rotate: false` gives the previous token an access token although its successor is in use. */
  asksWithAnyPrevious: boolean
}

export const RULES: Rules = {
  times: {},
  rotatesNext: true,
  anySuccessor: false,
  slots: true,
  anyTicketCounts: false,
  asksForCurrent: false,
  asksOnlyCurrent: false,
  asksWithAnyPrevious: false,
}
