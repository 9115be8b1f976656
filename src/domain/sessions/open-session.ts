import { LatchkeyError } from '../../lib/errors.js'
import { newSessionId } from '../../lib/ids.js'
import type { Repositories, RevokingRepositories } from '../../postgres/database.js'
import type { SignInFence } from '../../postgres/open-session.js'
import type { SecurityEventType } from '../../postgres/security-event-types.js'
import type { SessionFacts } from '../../postgres/session-facts.js'
import type { AuthContext, Caller } from '../context.js'
import { noticeOf } from '../letters/notices.js'
import { firstRefreshToken, hashOf, type RefreshToken, successorOf } from '../tokens/refresh-token.js'
import { describeDevice } from './describe-device.js'
import { endSessionsBeyond, revokedEvents } from './end-sessions.js'

/** The client_id of sessions that users open themselves (RFC 9068 requires one in every access token). */
export const FIRST_PARTY_CLIENT_ID = 'latchkey'

export interface SignIn {
  userId: string
  /** The state of the account when the password was verified; null if no password was verified. */
  fence: SignInFence | null
  /** The client that opens the session, and how the user was authenticated; by default no client, and a password. */
  clientId?: string | undefined
  authMethods?: readonly string[]
  transport: 'cookie' | 'body'
  /** If false, the cookies end with the browser, and the session lasts SESSION_SHORT_MAX_AGE. By default true. */
  remember?: boolean | undefined
  caller: Caller
  /** The event that is written with the session; by default `signed_in`. Its actor is the user, or the client. */
  eventType?: SecurityEventType
}

export interface OpenedSession {
  facts: SessionFacts
  refreshToken: RefreshToken
}

type OpeningContext = Pick<AuthContext, 'config' | 'secrets' | 'locate'>

/**
 * Opens a session with its first refresh token and its event, in the caller's transaction. Undefined if the account has
 * changed since its password was verified: a sign-in in progress must not outlast a "sign out everywhere", a disabled
 * account or a changed password.
 *
 * If the deletion of the account is pending, opening a session cancels it: a user who signs in wants to keep the account. The
 * statement that opens a session refuses such an account, so only these sign-ins need more statements.
 *
 * @throws LatchkeyError too_many_sessions
 */
export async function openSession(
  context: OpeningContext,
  repositories: RevokingRepositories,
  signIn: SignIn,
): Promise<OpenedSession | undefined> {
  const opened =
    (await open(context, repositories, signIn, null)) ?? (await openAndKeepAccount(context, repositories, signIn))
  if (opened) await enforceSessionLimit(repositories, signIn.userId, context.config)
  return opened
}

/**
 * The same in one statement and without a transaction, which is faster. Also undefined if the session limit may be
 * reached; then {@link openSession} decides.
 */
export function openSessionIfRoom(
  context: OpeningContext,
  repositories: Pick<Repositories, 'sessions'>,
  signIn: SignIn,
): Promise<OpenedSession | undefined> {
  const { maxSessionsPerUser: limit } = context.config
  return open(context, repositories, signIn, limit === 0 ? null : limit)
}

/** Undefined if no deletion is pending, or if the sign-in would be refused without it too. */
async function openAndKeepAccount(
  context: OpeningContext,
  repositories: RevokingRepositories,
  signIn: SignIn,
): Promise<OpenedSession | undefined> {
  const { userId, fence, caller } = signIn
  if (!(await repositories.users.cancelDeletion(userId, fence))) return undefined
  const actor = actorOf(signIn)
  await repositories.securityEvents.add({ type: 'account_deletion_cancelled', userId, actor, ...caller })
  const opened = await open(context, repositories, signIn, null)
  if (!opened) throw new Error('an account changed while its row was locked')
  return { ...opened, facts: { ...opened.facts, deletionCancelled: true } }
}

async function open(
  { config, secrets, locate }: OpeningContext,
  repositories: Pick<Repositories, 'sessions'>,
  signIn: SignIn,
  room: number | null,
): Promise<OpenedSession | undefined> {
  const { userId, fence, transport, caller, remember = true, clientId = FIRST_PARTY_CLIENT_ID } = signIn
  const { authMethods = ['pwd'], eventType = 'signed_in' } = signIn
  const [key] = secrets.refreshKeys
  const refreshToken = firstRefreshToken(newSessionId(userId), key)
  const facts = await repositories.sessions.open({
    userId,
    fence,
    room,
    clientId,
    authMethods,
    transport,
    remember,
    sessionId: refreshToken.sessionId,
    device: describeDevice(caller.userAgent),
    userAgent: caller.userAgent?.slice(0, 512),
    ip: caller.ip,
    location: locate(caller.ip),
    maxAgeSeconds: remember
      ? config.sessionMaxAgeSeconds
      : Math.min(config.sessionShortMaxAgeSeconds, config.sessionMaxAgeSeconds),
    refreshTtlSeconds: config.refreshTokenTtlSeconds,
    tokenHash: hashOf(refreshToken),
    nextHash: hashOf(successorOf(refreshToken, key)),
    event: {
      type: eventType,
      actor: actorOf(signIn),
      // Every device of a new account is new.
      tellsNewDevice: eventType !== 'registered',
      requestId: caller.requestId,
      notice: noticeOf({ config, secrets }, eventType, userId, caller.language),
    },
  })
  return facts && { facts, refreshToken }
}

function actorOf({ clientId = FIRST_PARTY_CLIENT_ID }: SignIn): string {
  return clientId === FIRST_PARTY_CLIENT_ID ? 'user' : clientId
}

/**
 * Revokes the oldest sessions beyond the limit, each with its event; or refuses the new one, so that its transaction is
 * rolled back. Opening the session has locked the user's row, so sign-ins at the same time count each other.
 */
async function enforceSessionLimit(
  repositories: RevokingRepositories,
  userId: string,
  { maxSessionsPerUser: limit, maxSessionsPolicy }: AuthContext['config'],
): Promise<void> {
  if (limit === 0) return
  if (maxSessionsPolicy === 'deny') {
    if ((await repositories.sessions.countLive(userId)) > limit) throw new LatchkeyError('too_many_sessions')
    return
  }
  const ended = await endSessionsBeyond(repositories, userId, limit, 'too_many_sessions')
  const details = { reason: 'too_many_sessions' }
  await repositories.securityEvents.addAll(revokedEvents(ended, { userId, actor: 'system', details }))
}
