import {
  isPrevious,
  judgeRefreshToken,
  type LiveState,
  type Verdict,
} from '../../../src/domain/tokens/judge-refresh-token.js'
import type { RotationBounds } from './bounds.js'
import { BODY, CRASH, STALLS, THIEF } from './models.js'
import { RULES, type Rules } from './rules.js'

type Judge = typeof judgeRefreshToken
type Asked = Parameters<Judge>

/** The rotation rules with one row or guard weakened, and the bounds in which the search must find that. */
export interface PlantedBug {
  bounds: RotationBounds
  rules: Rules
  /** The violation that the model must report. */
  breaks: RegExp
}

/** Rules whose judge gets other arguments, or whose verdict is changed. */
function judging(ask: (asked: Asked) => Asked, answer: (verdict: Verdict, asked: Asked) => Verdict): Rules {
  return { ...RULES, judge: (...asked) => answer(judgeRefreshToken(...ask(asked)), asked) }
}

const unchanged = <Value>(value: Value) => value

function answering(answer: (verdict: Verdict, asked: Asked) => Verdict): Rules {
  return judging(unchanged, answer)
}

function answered(state: LiveState): Verdict {
  return { is: 'late', record: { what: 'nothing' }, state }
}

export const PLANTED_BUGS: Record<string, PlantedBug> = {
  'a superseded token ends the session at once': {
    bounds: STALLS,
    rules: answering(verdict => (verdict.is === 'superseded' ? { ...verdict, is: 'reused' } : verdict)),
    breaks: /refused for ever: reused/,
  },
  'there are no slots': { bounds: STALLS, rules: { ...RULES, slots: false }, breaks: /signed out: superseded/ },
  'a young token is rotated': {
    bounds: CRASH,
    rules: { ...RULES, times: { minAgeSeconds: 0 } },
    breaks: /signed out: superseded/,
  },
  'there is no leeway': {
    bounds: BODY,
    rules: { ...RULES, times: { leewaySeconds: 0 } },
    breaks: /signed out|newest token is refused/,
  },
  'use counts at once': {
    bounds: CRASH,
    rules: { ...RULES, times: { settleSeconds: 0 } },
    breaks: /signed out: superseded/,
  },
  'no generation restarts its age': {
    bounds: CRASH,
    rules: answering(verdict =>
      verdict.is === 'late' && verdict.record.what === 'restart' ? answered(verdict.state) : verdict,
    ),
    breaks: /signed out: superseded/,
  },
  'a generation restarts its age only after the settling time': {
    bounds: CRASH,
    rules: answering((verdict, [, , times]) =>
      verdict.is === 'late' &&
      verdict.record.what === 'restart' &&
      verdict.state.whitelist.rotatedSecondsAgo <= times.settleSeconds
        ? answered(verdict.state)
        : verdict,
    ),
    breaks: /signed out: superseded/,
  },
  'marks are not compared': {
    bounds: THIEF,
    rules: judging(
      ([presented, state, ...rest]) => [{ ...presented, mark: state?.whitelist?.previousMark ?? null }, state, ...rest],
      unchanged,
    ),
    breaks: /gains more/,
  },
  'late answers are counted without a limit': {
    bounds: THIEF,
    rules: answering((verdict, [presented, , , use]) =>
      verdict.is === 'superseded' && use !== 'settled' && isPrevious(presented, verdict.state.whitelist)
        ? answered(verdict.state)
        : verdict,
    ),
    breaks: /gains more/,
  },
  'a counted generation is answered whatever the limit': {
    bounds: THIEF,
    rules: answering((verdict, [presented, , , use]) => {
      if (verdict.is !== 'superseded' || use === 'settled') return verdict
      const row = verdict.state.whitelist
      const isCounted = isPrevious(presented, row) && row.lateGeneration === row.generation
      return isCounted ? answered(verdict.state) : verdict
    }),
    breaks: /gains more/,
  },
  'any ticket counts': {
    bounds: STALLS,
    rules: { ...RULES, anyTicketCounts: true },
    breaks: /refused for ever: reused/,
  },
  'no ticket counts': {
    bounds: THIEF,
    rules: judging(([presented, ...rest]) => [{ ...presented, ticket: false }, ...rest], unchanged),
    breaks: /the thief keeps the session/,
  },
  'a token two generations old is answered': {
    bounds: THIEF,
    rules: answering((verdict, [presented]) =>
      verdict.is === 'superseded' && presented.generation < verdict.state.whitelist.generation - 1
        ? { ...verdict, is: 'young' }
        : verdict,
    ),
    breaks: /two generations old/,
  },
  'use of the successor is not checked': {
    bounds: THIEF,
    rules: judging(([presented, state, times]) => [presented, state, times, 'unseen'], unchanged),
    breaks: /settled in use/,
  },
  'a client cannot be ahead of the database': {
    bounds: STALLS,
    rules: { ...RULES, rotatesNext: false },
    breaks: /signed out: due|no end/,
  },
  'the newest secret derives every successor': {
    bounds: STALLS,
    rules: { ...RULES, anySuccessor: true },
    breaks: /forks|refused for ever|signed out/,
  },
  'without cookies, the second request ends the session at once': {
    bounds: BODY,
    rules: { ...RULES, graceTicks: -1 },
    breaks: /refused for ever: reused/,
  },
  'without rotating, the previous token gives an access token of the current generation': {
    bounds: STALLS,
    rules: { ...RULES, asksForCurrent: true },
    breaks: /signed out: superseded/,
  },
  'without rotating, the previous token is refused': {
    bounds: STALLS,
    rules: { ...RULES, asksOnlyCurrent: true },
    breaks: /a page is signed out/,
  },
  'without rotating, the previous token is answered although its successor is in use': {
    bounds: THIEF,
    rules: { ...RULES, asksWithAnyPrevious: true },
    breaks: /settled in use/,
  },
}
