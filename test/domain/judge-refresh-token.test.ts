import { createHash } from 'node:crypto'
import t from 'tap'
import {
  isReuseWithoutTicket,
  judgeRefreshToken,
  type LiveVerdict,
  MAX_OTHER_MARKS,
  MAX_UNMARKED,
  type Presented,
  SUPERSEDED_GRACE_SECONDS,
  type SuccessorUse,
} from '../../src/domain/tokens/judge-refresh-token.js'
import type { RefreshState, WhitelistRow } from '../../src/postgres/refresh-state.js'

// "row N" in a title is row N of the table in docs/rotation.md.

const times = { minAgeSeconds: 30, leewaySeconds: 10, settleSeconds: 60 }
const GENERATION = 7

/** The hash of a generation's token. */
function hashOf(generation: number): Buffer {
  return createHash('sha256').update(`${generation}`).digest()
}

/** A token of a generation as a browser presents it, without a ticket. */
function token(generation: number, more: Partial<Presented> = {}): Presented {
  return { hash: hashOf(generation), generation, mark: 1, ticket: false, ...more }
}

/** A session at generation 7, rotated two minutes ago by the browser whose mark is 1. */
function session(row: Partial<WhitelistRow> = {}, facts: Partial<RefreshState> = {}): RefreshState {
  return {
    sessionId: '019ad5a0-0000-7000-8000-000000000001',
    userId: '019ad5a0-0000-7000-8000-000000000002',
    clientId: 'latchkey',
    userDisabled: false,
    sessionRevoked: false,
    sessionExpired: false,
    outdated: false,
    whitelist: {
      generation: GENERATION,
      tokenHash: hashOf(GENERATION),
      previousHash: hashOf(GENERATION - 1),
      nextHash: hashOf(GENERATION + 1),
      expired: false,
      rotatedSecondsAgo: 120,
      previousMark: 1,
      lateReplays: 0,
      lateGeneration: null,
      ...row,
    },
    ...facts,
  } as RefreshState
}

/** The verdict without the state, which must be the one given. */
function judge(presented: Presented, state: RefreshState | undefined, use: SuccessorUse = 'unseen') {
  const { state: judgedOn, ...verdict } = judgeRefreshToken(presented, state, times, use)
  t.equal(judgedOn, state, 'a verdict carries the state that it was reached on')
  return verdict
}

/** The verdict `late`, by what the whitelist records of it. */
function late(record: 'nothing' | 'restart' | number): LiveVerdict {
  return { is: 'late', record: typeof record === 'number' ? { what: 'count', max: record } : { what: record } }
}

t.test('row 1: any refresh token of a session that is over gets only the reason for that', async t => {
  const reasons: [RefreshState | undefined, string][] = [
    [undefined, 'session_revoked'],
    [session({}, { userDisabled: true, sessionRevoked: true }), 'user_disabled'],
    [session({}, { sessionRevoked: true, sessionExpired: true }), 'session_revoked'],
    [session({}, { sessionExpired: true }), 'session_expired'],
    [session({}, { outdated: true }), 'session_revoked'],
    [session({}, { whitelist: undefined }), 'session_revoked'],
    [session({ expired: true }), 'refresh_token_expired'],
  ]
  for (const [state, code] of reasons)
    for (const presented of [token(GENERATION), token(1, { ticket: true }), token(GENERATION + 5)])
      t.strictSame(judge(presented, state), { is: 'over', code })
})

t.test('rows 2 and 4: the current refresh token, if old enough, and the next one are due', async t => {
  t.strictSame(judge(token(GENERATION), session()), { is: 'due' })
  t.strictSame(judge(token(GENERATION), session({ rotatedSecondsAgo: 30 })), { is: 'due' })
  t.strictSame(judge(token(GENERATION + 1), session({ rotatedSecondsAgo: 0 })), { is: 'due' })
  const first = session({ generation: 0, tokenHash: hashOf(0), previousHash: null, rotatedSecondsAgo: 0 })
  t.strictSame(judge(token(0), first), { is: 'due' }, 'the first token of a session is due at once')
})

t.test('row 3: the current refresh token is young until it is thirty seconds old', async t => {
  t.strictSame(judge(token(GENERATION), session({ rotatedSecondsAgo: 29.9 })), { is: 'young' })
})

t.test('row 5: the previous refresh token from the same browser is replayed within the leeway', async t => {
  const state = session({ rotatedSecondsAgo: 10 })
  t.strictSame(judge(token(GENERATION - 1), state), { is: 'replayed' })
  t.strictSame(judge(token(GENERATION - 1), session({ rotatedSecondsAgo: 10.1 })), late('restart'), 'no longer')
  t.strictSame(judge(token(GENERATION - 1, { mark: 2 }), state), late(MAX_OTHER_MARKS), 'another browser is counted')
  t.strictSame(judge(token(GENERATION - 1, { mark: null }), state), late(MAX_OTHER_MARKS))
  const unmarked = session({ rotatedSecondsAgo: 10, previousMark: null })
  t.strictSame(judge(token(GENERATION - 1, { mark: null }), unmarked), { is: 'replayed' }, 'two missing marks match')
  t.strictSame(judge(token(GENERATION - 1), unmarked), late(MAX_OTHER_MARKS))
})

t.test('row 5: any mark is replayed if that of the rotation is unknown or marks are not compared', async t => {
  const state = session({ rotatedSecondsAgo: 10, previousMark: undefined })
  for (const mark of [1, 2, null]) t.strictSame(judge(token(GENERATION - 1, { mark }), state), { is: 'replayed' })
  t.strictSame(judge(token(GENERATION - 1, { mark: undefined }), session({ rotatedSecondsAgo: 10 })), {
    is: 'replayed',
  })
  const later = session({ previousMark: undefined })
  t.strictSame(
    judge(token(GENERATION - 1), later),
    late(MAX_UNMARKED),
    'after the leeway it is counted as without marks',
  )
})

t.test('row 6: the same browser is answered until the use of the successor is settled', async t => {
  for (const days of [0.01, 1, 6]) {
    const state = session({ rotatedSecondsAgo: days * 86_400 })
    t.strictSame(judge(token(GENERATION - 1), state, 'unseen'), late('restart'), 'the generation restarts')
    t.strictSame(judge(token(GENERATION - 1), state, 'settling'), late('nothing'))
    t.strictSame(judge(token(GENERATION - 1), state, 'settled'), { is: 'superseded' })
  }
  const often = session({ lateGeneration: GENERATION - 1, lateReplays: 100 })
  t.strictSame(judge(token(GENERATION - 1), often), late('restart'), 'however often it was late before')
})

t.test('row 6: another browser (another mark) is answered in three generations in a row', async t => {
  const other = token(GENERATION - 1, { mark: 2 })
  for (const use of ['unseen', 'settling'] as const) {
    t.strictSame(judge(other, session(), use), late(MAX_OTHER_MARKS))
    const second = session({ lateGeneration: GENERATION - 1, lateReplays: MAX_OTHER_MARKS - 1 })
    t.strictSame(judge(other, second, use), late(MAX_OTHER_MARKS))
    const fourth = session({ lateGeneration: GENERATION - 1, lateReplays: MAX_OTHER_MARKS })
    t.strictSame(judge(other, fourth, use), { is: 'superseded' })
    const notInARow = session({ lateGeneration: GENERATION - 2, lateReplays: MAX_OTHER_MARKS })
    t.strictSame(judge(other, notInARow, use), late(MAX_OTHER_MARKS), 'a generation in between resets the count')
  }
  t.strictSame(judge(other, session(), 'settled'), { is: 'superseded' })
})

t.test('row 6: a client without marks is answered in six generations in a row', async t => {
  const bare = token(GENERATION - 1, { mark: null })
  const state = (lateReplays: number) => session({ previousMark: null, lateGeneration: GENERATION - 1, lateReplays })
  t.strictSame(judge(bare, state(MAX_UNMARKED - 1)), late(MAX_UNMARKED))
  t.strictSame(judge(bare, state(MAX_UNMARKED)), { is: 'superseded' })
})

t.test('row 6: a late generation is counted once', async t => {
  const other = token(GENERATION - 1, { mark: 2 })
  const counted = session({ lateGeneration: GENERATION, lateReplays: MAX_OTHER_MARKS })
  t.strictSame(judge(other, counted, 'settling'), late('nothing'))
  t.strictSame(judge(other, counted, 'unseen'), late('restart'))
  const justNow = session({ ...counted.whitelist, rotatedSecondsAgo: 10 })
  t.strictSame(judge(other, justNow), late('nothing'), 'it restarts at most once in a leeway')
  t.strictSame(judge(other, counted, 'settled'), { is: 'superseded' })
})

t.test('row 6: late generations counted without marks count for the limit of a browser too', async t => {
  // A thief who leaves out the marks can be counted six times alone; the owner's mark is then another one.
  const counted = session({ previousMark: null, lateGeneration: GENERATION, lateReplays: MAX_OTHER_MARKS + 1 })
  t.strictSame(judge(token(GENERATION - 1), counted, 'settling'), { is: 'superseded' })
  t.strictSame(judge(token(GENERATION - 1, { mark: null }), counted, 'settling'), late('nothing'))
})

t.test('row 7: a refresh token two or more generations old is superseded, at once and permanently', async t => {
  for (const rotatedSecondsAgo of [0, 600_000])
    for (const generation of [0, GENERATION - 2])
      t.strictSame(judge(token(generation), session({ rotatedSecondsAgo })), { is: 'superseded' })
})

t.test('row 8: a superseded refresh token with its ticket shows that two parties have the session', async t => {
  t.strictSame(judge(token(GENERATION - 2, { ticket: true }), session()), { is: 'reused' })
  t.strictSame(judge(token(GENERATION - 1, { ticket: true }), session(), 'settled'), { is: 'reused' })
  t.strictSame(judge(token(GENERATION - 1, { ticket: true }), session()), late('restart'), 'not while it is answered')
  t.strictSame(judge(token(GENERATION, { ticket: true }), session()), { is: 'due' })
})

t.test('row 8: without cookies, repeating a superseded token after ten minutes counts as reuse', async t => {
  t.notOk(isReuseWithoutTicket(0), 'refused just now')
  t.notOk(isReuseWithoutTicket(SUPERSEDED_GRACE_SECONDS), 'another request may have been in progress')
  t.ok(isReuseWithoutTicket(SUPERSEDED_GRACE_SECONDS + 1))
})

t.test('row 9: a refresh token that matches no known hash is unknown, and ends nothing', async t => {
  t.strictSame(judge(token(GENERATION + 2), session()), { is: 'unknown' })
  for (const generation of [GENERATION - 1, GENERATION, GENERATION + 1])
    t.strictSame(judge({ ...token(generation), hash: hashOf(99), ticket: true }, session()), { is: 'unknown' })
})
