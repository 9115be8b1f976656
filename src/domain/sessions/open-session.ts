import { LatchkeyError } from '../../lib/errors.js'
import { newSessionId } from '../../lib/ids.js'
import type { RevokingRepositories } from '../../postgres/database.js'
import type { SignInFence } from '../../postgres/open-session.js'
import type { SessionFacts } from '../../postgres/session-facts.js'
import type { AuthContext, Caller } from '../context.js'
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
}

export interface OpenedSession {
  facts: SessionFacts
  refreshToken: RefreshToken
  /** Whether this user has no earlier sign-in from such a device. */
  isNewDevice: boolean
}

/**
 * Opens a session with its first refresh token, in the caller's transaction. Undefined if the account has changed since
 * its password was verified: a sign-in in progress must not outlast a "sign out everywhere", a disabled account or a
 * changed password.
 *
 * @throws LatchkeyError too_many_sessions
 */
export async function openSession(
  { config, secrets, locate }: Pick<AuthContext, 'config' | 'secrets' | 'locate'>,
  repositories: RevokingRepositories,
  { caller, remember = true, clientId = FIRST_PARTY_CLIENT_ID, authMethods = ['pwd'], ...signIn }: SignIn,
): Promise<OpenedSession | undefined> {
  const [key] = secrets.refreshKeys
  const refreshToken = firstRefreshToken(newSessionId(signIn.userId), key)
  const facts = await repositories.sessions.open({
    ...signIn,
    clientId,
    authMethods,
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
  })
  if (!facts) return undefined
  await enforceSessionLimit(repositories, signIn.userId, config)
  return { facts, refreshToken, isNewDevice: facts.isNewDevice }
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

/** The details of a sign-in's event: whether the device is new, for services that notify the owner. */
export function deviceDetails({ isNewDevice }: OpenedSession): { details?: { new_device: true } } {
  return isNewDevice ? { details: { new_device: true } } : {}
}
