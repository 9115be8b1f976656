import type { RefreshState } from '../db/refresh-tokens.js'
import { LatchkeyError } from '../errors.js'
import type { AuthContext, Caller } from './context.js'
import { endSessions } from './end-sessions.js'
import { type Grant, grantTokens } from './grant-tokens.js'
import { isSuccessorInUse } from './is-successor-in-use.js'
import { judgeRefreshToken, MAX_LATE_REPLAYS } from './judge-refresh-token.js'
import { noticeOrigin } from './notice-origin.js'
import { ANYBODY, type Presenter, refuseForeign } from './presenter.js'
import { hashOf, type RefreshToken, readRefreshToken, successorOf } from './refresh-token.js'
import { sessionOver } from './session-over.js'

/** A race can be lost to one rotation and then to its predecessor's retry; a third time would be a defect. */
const MAX_ATTEMPTS = 3

/**
 * Exchanges a refresh token for new tokens, by the rotation table (docs/rotation.md): the same token presented again
 * yields the same successor, so that nobody is signed out by a second tab or a lost answer, and a token that two
 * parties hold ends its session (RFC 9700, 4.14.2).
 *
 * @param options.presenter who asks, if it is a client
 * @param options.dialect makes the access token one of that dialect although its session began elsewhere
 * @throws LatchkeyError client_required or what the presenter is told instead, refresh_token_invalid, refresh_token_unknown, refresh_token_expired, refresh_token_reused,
 *   session_revoked, session_expired, user_disabled
 */
export async function rotateRefreshToken(
  context: AuthContext,
  text: string,
  caller: Caller,
  { presenter = ANYBODY, dialect }: { presenter?: Presenter; dialect?: 'simple-jwt' } = {},
): Promise<Grant> {
  const { config, db, secrets, activity } = context
  const presented = readRefreshToken(text, secrets.refreshKeys)
  if (!presented) throw new LatchkeyError('refresh_token_invalid')

  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const rotated = await rotate(context, presented, presenter, caller, dialect)
    if (rotated) return rotated

    const state = await db.refreshTokens.find(presented.sessionId, config.refresh.replayWindowSeconds)
    refuseForeign(presenter, state)
    const hash = hashOf(presented)
    const successorInUse = state !== undefined && (await isSuccessorInUse(context, state, hash))
    const verdict = judgeRefreshToken({ hash, generation: presented.generation }, state, config.refresh, successorInUse)
    switch (verdict.is) {
      case 'over':
        throw sessionOver(context, verdict.code, presented.sessionId, state)
      case 'young':
        activity.saw(presented.sessionId, presented.generation)
        noticeOrigin(context, state!, caller)
        return grantTokens(context, state!, presented, dialect)
      case 'replayed':
        return grantTokens(context, state!, currentSuccessor(context, presented, state!), dialect)
      case 'late': {
        const successor = currentSuccessor(context, presented, state!)
        if (!verdict.alreadyCounted && !(await countLateReplay(context, presented, state!, caller))) break
        return grantTokens(context, state!, successor, dialect)
      }
      case 'reused':
        await endStolenSession(context, presented, state!, caller)
        throw new LatchkeyError('refresh_token_reused')
      case 'unknown':
        throw unknown(context, presented, state, caller)
    }
  }
  throw new LatchkeyError('busy', { retryAfterSeconds: 1 })
}

/** The rows 2 and 4 of the table: one statement. */
async function rotate(
  context: AuthContext,
  presented: RefreshToken,
  { clientIds }: Presenter,
  caller: Caller,
  dialect: 'simple-jwt' | undefined,
): Promise<Grant | undefined> {
  const { config, db, secrets, activity } = context
  const [key] = secrets.refreshKeys
  const successor = successorOf(presented, key)
  const rotated = await db.refreshTokens.rotate({
    sessionId: presented.sessionId,
    generation: presented.generation,
    presentedHash: hashOf(presented),
    successorHash: hashOf(successor),
    nextHash: hashOf(successorOf(successor, key)),
    clientIds,
    minAgeSeconds: config.refresh.minAgeSeconds,
    ttlSeconds: config.refreshTokenTtlSeconds,
  })
  if (!rotated) return undefined
  activity.saw(presented.sessionId, presented.generation)
  noticeOrigin(context, rotated, caller)
  if (rotated.previousGeneration < presented.generation) {
    context.log.warn(`session ${presented.sessionId} was ahead of the database, which must have lost a commit`)
    note(context, 'refresh_recovered', presented, rotated.userId, caller)
  }
  return grantTokens(context, rotated, successor, dialect)
}

/** The successor that the whitelist names, made with whichever secret it was made with. */
function currentSuccessor(context: AuthContext, presented: RefreshToken, state: RefreshState): RefreshToken {
  const candidates = context.secrets.refreshKeys.map(key => successorOf(presented, key))
  const successor = candidates.find(candidate => hashOf(candidate).equals(state.whitelist!.tokenHash))
  // Only a JWT_REFRESH_SECRET that was taken away too early can lead here.
  if (!successor) throw new LatchkeyError('refresh_token_unknown')
  return successor
}

/** Counts a late replay; false if the row has changed meanwhile, or the count has reached its end. */
async function countLateReplay(
  context: AuthContext,
  presented: RefreshToken,
  state: RefreshState,
  caller: Caller,
): Promise<boolean> {
  const counted = await context.db.refreshTokens.countLateReplay({
    sessionId: presented.sessionId,
    generation: state.whitelist!.generation,
    previousHash: hashOf(presented),
    max: MAX_LATE_REPLAYS,
    windowSeconds: context.config.refresh.replayWindowSeconds,
  })
  if (counted) note(context, 'refresh_replayed', presented, state.userId, caller)
  return counted
}

/** Two parties hold the session's tokens and nothing tells which is the thief: the session ends for both. */
async function endStolenSession(
  { db, revocations }: AuthContext,
  { sessionId, generation }: RefreshToken,
  { userId }: RefreshState,
  caller: Caller,
): Promise<void> {
  const ended = await db.transaction(async repositories => {
    const entries = await endSessions(repositories, userId, [sessionId], 'refresh_token_reused')
    const event = { userId, sessionId, actor: 'system', ...caller, details: { generation } }
    if (entries.length > 0) await repositories.securityEvents.add({ ...event, type: 'refresh_token_reused' })
    return entries
  })
  revocations.announce(ended)
}

/** A genuine token that does not fit: revoking on it would let an old backup end sessions. It is worth a look. */
function unknown(
  context: AuthContext,
  presented: RefreshToken,
  state: RefreshState | undefined,
  caller: Caller,
): LatchkeyError {
  context.log.error(
    `a genuine refresh token does not belong to session ${presented.sessionId} as the database knows it`,
  )
  note(context, 'refresh_token_unknown', presented, state?.userId, caller)
  return new LatchkeyError('refresh_token_unknown')
}

function note(
  context: AuthContext,
  type: 'refresh_recovered' | 'refresh_replayed' | 'refresh_token_unknown',
  { sessionId, generation }: RefreshToken,
  userId: string | undefined,
  caller: Caller,
): void {
  context.note({ type, userId, sessionId, actor: 'system', ...caller, details: { generation } })
}
