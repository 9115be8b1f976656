import { LatchkeyError } from '../../lib/errors.js'
import type { LateAnswer } from '../../postgres/refresh-tokens.js'
import type { NewSecurityEvent } from '../../postgres/security-events.js'
import type { AuthContext, Caller } from '../context.js'
import type { RefreshKey } from '../keys/secrets.js'
import { endSessionOfReusedToken } from '../sessions/end-sessions-of-reused-tokens.js'
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
import { hashOf, type RefreshToken, requireRefreshToken, successorOf } from './refresh-token.js'
import { ticketOptions, writeTicket } from './superseded-ticket.js'

/** A race can be lost to one rotation and then to its predecessor's retry; a third time would be a defect. */
const MAX_ATTEMPTS = 3

export interface RotationRequest {
  /** Who asks, if it is a client. */
  client?: RequestingClient
  /** Makes the access token one of that dialect although its session began elsewhere. */
  dialect?: 'simple-jwt'
  /** What came with the token; by default nothing, from a browser. */
  proofs?: Proofs
}

/**
 * Exchanges a refresh token for new tokens, by the rotation table (docs/rotation.md): the same token presented again
 * yields the same successor, so that nobody is signed out by a second tab or a lost answer; whoever presents a
 * superseded token is told so first; and a token that two parties hold ends its session (RFC 9700, 4.14.2).
 *
 * @throws LatchkeyError client_required or what the client is told instead, refresh_token_invalid,
 *   refresh_token_unknown, refresh_token_expired, refresh_token_superseded with a ticket, refresh_token_reused,
 *   session_revoked, session_expired, user_disabled
 */
export async function rotateRefreshToken(
  context: AuthContext,
  text: string,
  caller: Caller,
  { client = FIRST_PARTY, dialect, proofs = { ...NO_PROOFS, mark: null } }: RotationRequest = {},
): Promise<Grant> {
  const { activity, db, secrets } = context
  const presented = requireRefreshToken(text, secrets.refreshKeys)

  // Nearly always the newest secret derives the successor; the whitelist knows better after the secret was changed.
  let derivation: Derivation = { key: secrets.refreshKeys[0], anySuccessor: false }
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const rotated = await rotate(context, presented, { client, dialect, proofs, derivation, caller })
    if (rotated) return rotated

    const verdict = await examineRefreshToken(context, presented, proofs)
    requireBoundClient(client, verdict.state)
    switch (verdict.is) {
      case 'over':
        throw sessionOverError(context, presented, verdict)
      case 'due':
        derivation = derivationOfNext(context, presented, verdict.state) ?? derivation
        break
      case 'young':
        activity.record(presented.sessionId, presented.generation)
        trackSessionOrigin(context, verdict.state, caller)
        return grantTokens(context, verdict.state, presented, dialect)
      case 'replayed':
        return grantTokens(context, verdict.state, currentSuccessor(context, presented, verdict.state), dialect)
      case 'late': {
        const { record, state } = verdict
        const successor = currentSuccessor(context, presented, state)
        if (!(await recordLate(context, presented, state, record))) break
        if (record.what !== 'nothing') recordEvent(context, 'refresh_replayed', presented, state.userId, caller)
        return grantTokens(context, state, successor, dialect)
      }
      case 'superseded':
        if (!proofs.inBody || !isReuseWithoutTicket(await db.refreshTokens.tellSuperseded(presented)))
          throw superseded(context, presented, verdict.state, caller)
        return endReused(context, presented, verdict.state, caller)
      case 'reused':
        return endReused(context, presented, verdict.state, caller)
      case 'unknown':
        throw unknown(context, presented, verdict.state, caller)
    }
  }
  throw new LatchkeyError('busy', { retryAfterSeconds: 1 })
}

interface Derivation {
  key: RefreshKey
  /** Whether the successor may be another than the whitelist names. */
  anySuccessor: boolean
}

/** The rows 2 and 4 of the table: one statement. */
async function rotate(
  context: AuthContext,
  presented: RefreshToken,
  request: Required<Pick<RotationRequest, 'client' | 'proofs'>> & {
    dialect: 'simple-jwt' | undefined
    derivation: Derivation
    caller: Caller
  },
): Promise<Grant | undefined> {
  const { config, db, secrets, activity } = context
  const { client, proofs, derivation, caller } = request
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
  if (rotated.previousGeneration < presented.generation) {
    context.log.warn(`session ${presented.sessionId} was ahead of the database, which must have lost a commit`)
    recordEvent(context, 'refresh_recovered', presented, rotated.userId, caller)
  }
  return grantTokens(context, rotated, successor, request.dialect)
}

/** With which secret the whitelist derived the successor of its current token, if that is the one presented. */
function derivationOfNext(
  { secrets }: AuthContext,
  presented: RefreshToken,
  { whitelist }: LiveState,
): Derivation | undefined {
  if (!hashOf(presented).equals(whitelist.tokenHash)) return undefined
  const key = secrets.refreshKeys.find(candidate =>
    hashOf(successorOf(presented, candidate)).equals(whitelist.nextHash),
  )
  return key ? { key, anySuccessor: false } : { key: secrets.refreshKeys[0], anySuccessor: true }
}

/** The successor that the whitelist names, made with whichever secret it was made with. */
function currentSuccessor({ secrets }: AuthContext, presented: RefreshToken, { whitelist }: LiveState): RefreshToken {
  const [newest] = secrets.refreshKeys
  const candidates = secrets.refreshKeys.map(key => successorOf(presented, key, newest))
  const successor = candidates.find(candidate => hashOf(candidate).equals(whitelist.tokenHash))
  // Only a JWT_REFRESH_SECRET that was taken away too early can lead here.
  if (!successor) throw new LatchkeyError('refresh_token_unknown')
  return successor
}

/** False if the row has changed meanwhile, or the count has reached its end. */
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

/** The refusal that ends nothing. */
function superseded(
  context: AuthContext,
  presented: RefreshToken,
  { userId }: LiveState,
  caller: Caller,
): LatchkeyError {
  if (context.eventThrottle.allows(`${presented.sessionId} ${presented.generation}`))
    recordEvent(context, 'refresh_superseded', presented, userId, caller)
  return new LatchkeyError('refresh_token_superseded', { ticket: writeTicket(presented, ticketOptions(context)) })
}

async function endReused(
  context: AuthContext,
  presented: RefreshToken,
  { userId }: LiveState,
  caller: Caller,
): Promise<never> {
  await endSessionOfReusedToken(context, presented, userId, caller)
  throw new LatchkeyError('refresh_token_reused')
}

/** A genuine token that does not fit: revoking on it would let an old backup end sessions. It is worth a look. */
function unknown(context: AuthContext, presented: RefreshToken, { userId }: LiveState, caller: Caller): LatchkeyError {
  context.log.error(
    `a genuine refresh token does not belong to session ${presented.sessionId} as the database knows it`,
  )
  recordEvent(context, 'refresh_token_unknown', presented, userId, caller)
  return new LatchkeyError('refresh_token_unknown')
}

function recordEvent(
  context: AuthContext,
  type: NewSecurityEvent['type'],
  { sessionId, generation }: RefreshToken,
  userId: string | undefined,
  caller: Caller,
): void {
  context.recordEvent({ type, userId, sessionId, actor: 'system', ...caller, details: { generation } })
}
