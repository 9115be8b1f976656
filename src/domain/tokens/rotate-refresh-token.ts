import { type Concerns, concerning, LatchkeyError } from '../../lib/errors.js'
import type { LateAnswer } from '../../postgres/refresh-tokens.js'
import type { AuthContext, Caller } from '../context.js'
import { trackSessionOrigin } from '../sessions/track-session-origin.js'
import {
  examineRefreshToken,
  FIRST_PARTY,
  NO_PROOFS,
  type Proofs,
  type RequestingClient,
  requireBoundClient,
  sessionOverError,
} from './examine-refresh-token.js'
import { type Grant, grantTokens } from './grant-tokens.js'
import { isReuseWithoutTicket, type LateRecord, type LiveState } from './judge-refresh-token.js'
import { type Answered, measureRefresh } from './measure-refresh.js'
import { hashOf, type RefreshToken, requireRefreshToken, successorOf } from './refresh-token.js'
import { endReused, recordRefreshEvent, supersededError, unknownTokenError } from './refused-refresh-tokens.js'
import { currentSuccessor, type Derivation, derivationOfNext } from './successors.js'

/** A request can lose a race to a rotation and then to a retry; losing a third time would be a defect. */
const MAX_ATTEMPTS = 3

export interface RotationRequest {
  /** The client that asks; by default no registered client. */
  client?: RequestingClient
  /** Adds the claims `token_type` and `user_id` to the access token, for the verifiers of Simple JWT. */
  withTokenType?: boolean
  /** What came with the token; by default a browser without a mark or a ticket. */
  proofs?: Proofs
}

/**
 * Exchanges a refresh token for new tokens, by the rotation table (docs/rotation.md). A token that is presented again
 * gives the same successor, so a second tab or a lost answer does not sign the user out. A superseded token is refused
 * first, and only if two parties have the tokens of a session, it is revoked (RFC 9700, 4.14.2).
 *
 * @throws LatchkeyError client_required or the client's own refusal, refresh_token_invalid, refresh_token_unknown,
 *   refresh_token_expired, refresh_token_superseded with a ticket, refresh_token_reused, session_revoked,
 *   session_expired, user_disabled
 */
export function rotateRefreshToken(
  context: AuthContext,
  text: string,
  caller: Caller,
  request: RotationRequest = {},
): Promise<Grant> {
  return measureRefresh(true, answered => judgeAndExchange(context, text, caller, { ...request, answered }))
}

async function judgeAndExchange(
  context: AuthContext,
  text: string,
  caller: Caller,
  request: RotationRequest & { answered: Answered },
): Promise<Grant> {
  const presented = requireRefreshToken(text, context.secrets.refreshKeys)
  const concerns: Concerns = { sessionId: presented.sessionId }
  try {
    return await exchange(context, presented, caller, { ...request, concerns })
  } catch (error) {
    throw concerning(error, concerns)
  }
}

/** @param request - `concerns` is filled in when the session is read, `answered` when it is judged */
async function exchange(
  context: AuthContext,
  presented: RefreshToken,
  caller: Caller,
  request: RotationRequest & { concerns: Concerns; answered: Answered },
): Promise<Grant> {
  const { client = FIRST_PARTY, withTokenType, proofs = { ...NO_PROOFS, mark: null }, concerns, answered } = request
  const { activity, db, secrets } = context

  // Nearly always the newest secret derives the successor. After a change of the secret, the whitelist tells which one.
  let derivation: Derivation = { key: secrets.refreshKeys[0], anySuccessor: false }
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const rotated = await rotate(context, presented, { client, withTokenType, proofs, derivation, caller, answered })
    if (rotated) return rotated

    const verdict = await examineRefreshToken(context, presented, proofs)
    concerns.userId = verdict.state?.userId
    concerns.clientId = verdict.state?.clientId
    requireBoundClient(client, verdict.state)
    switch (verdict.is) {
      case 'over':
        throw sessionOverError(context, presented, verdict)
      case 'due':
        derivation = derivationOfNext(context, presented, verdict.state) ?? derivation
        break
      case 'young':
        answered.row = '3'
        activity.record(presented.sessionId, presented.generation)
        trackSessionOrigin(context, verdict.state, caller)
        return grantTokens(context, verdict.state, presented, withTokenType)
      case 'replayed':
        answered.row = '5'
        return grantTokens(context, verdict.state, currentSuccessor(context, presented, verdict.state), withTokenType)
      case 'late': {
        const { record, state } = verdict
        const successor = currentSuccessor(context, presented, state)
        if (!(await recordLate(context, presented, state, record))) break
        answered.row = '6'
        if (record.what !== 'nothing') recordRefreshEvent(context, 'refresh_replayed', presented, state.userId, caller)
        return grantTokens(context, state, successor, withTokenType)
      }
      case 'superseded':
        if (!proofs.inBody || !isReuseWithoutTicket(await db.refreshTokens.tellSuperseded(presented)))
          throw supersededError(context, presented, verdict.state, caller)
        return endReused(context, presented, verdict.state, caller)
      case 'reused':
        return endReused(context, presented, verdict.state, caller)
      case 'unknown':
        throw unknownTokenError(context, presented, verdict.state, caller)
    }
  }
  throw new LatchkeyError('busy', { retryAfterSeconds: 1 })
}

/** Rows 2 and 4 of the table, in one statement. */
async function rotate(
  context: AuthContext,
  presented: RefreshToken,
  request: Required<Pick<RotationRequest, 'client' | 'proofs'>> & {
    withTokenType: boolean | undefined
    derivation: Derivation
    caller: Caller
    answered: Answered
  },
): Promise<Grant | undefined> {
  const { config, db, secrets, activity } = context
  const { client, proofs, derivation, caller, answered } = request
  const [newest] = secrets.refreshKeys
  const successor = successorOf(presented, derivation.key, newest)
  const rotated = await db.refreshTokens.rotate({
    sessionId: presented.sessionId,
    generation: presented.generation,
    presentedHash: hashOf(presented),
    mark: proofs.mark ?? null,
    successorHash: hashOf(successor),
    nextHash: hashOf(successorOf(successor, newest)),
    anySuccessor: derivation.anySuccessor,
    clientIds: client.clientIds,
    minAgeSeconds: config.refresh.minAgeSeconds,
    ttlSeconds: config.refreshTokenTtlSeconds,
  })
  if (!rotated) return undefined
  activity.record(presented.sessionId, presented.generation)
  trackSessionOrigin(context, rotated, caller)
  const isAhead = rotated.previousGeneration < presented.generation
  answered.row = isAhead ? '4' : '2'
  if (isAhead) {
    context.log.warn(
      `session ${presented.sessionId}: the refresh token is newer than the database, so the database has lost a commit`,
    )
    recordRefreshEvent(context, 'refresh_recovered', presented, rotated.userId, caller)
  }
  return grantTokens(context, rotated, successor, request.withTokenType)
}

/** False if the row has changed since it was judged, or the limit is reached. */
async function recordLate(
  { config, db }: AuthContext,
  presented: RefreshToken,
  { whitelist }: LiveState,
  record: LateRecord,
): Promise<boolean> {
  const { sessionId } = presented
  const late: LateAnswer = { sessionId, generation: whitelist.generation, previousHash: hashOf(presented) }
  switch (record.what) {
    case 'nothing':
      return true
    case 'restart':
      return db.refreshTokens.restart({ ...late, leewaySeconds: config.refresh.leewaySeconds })
    case 'count':
      return db.refreshTokens.countLate({ ...late, max: record.max })
  }
}
