import { LatchkeyError } from '../../lib/errors.js'
import { newSessionId } from '../../lib/ids.js'
import type { RevokingRepositories } from '../../postgres/database.js'
import type { SignInFence } from '../../postgres/open-session.js'
import type { SessionFacts } from '../../postgres/session-facts.js'
import type { AuthContext, Caller } from '../context.js'
import { firstRefreshToken, hashOf, type RefreshToken, successorOf } from '../tokens/refresh-token.js'
import { describeDevice } from './device.js'
import { endSessionsBeyond, revokedEvents } from './end-sessions.js'

/** The client_id of sessions that people open for themselves (RFC 9068 asks every access token for one). */
export const FIRST_PARTY_CLIENT_ID = 'latchkey'

export interface SignIn {
  userId: string
  /** The account as it was when the password was verified; null where none was. */
  fence: SignInFence | null
  /** Who opens it and how it knows who it is; by default the person, by a password. */
  clientId?: string | undefined
  authMethods?: readonly string[]
  transport: 'cookie' | 'body'
  /** False: the browser shall forget it when it ends, and it lives SESSION_SHORT_MAX_AGE. By default true. */
  remember?: boolean | undefined
  caller: Caller
}

export interface OpenedSession {
  facts: SessionFacts
  refreshToken: RefreshToken
  /** Whether no earlier sign-in of this user from such a device is known. */
  isNewDevice: boolean
}

/**
 * Opens a session with its first refresh token, inside the caller's transaction. Undefined if the account changed since
 * its password was verified: a sign-in can't outlive a revoke-all, a disable or a password change.
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
 * Ends the oldest sessions beyond the limit, each with its event; or refuses the new one, which its transaction takes
 * back. The user's row is held since the session was opened, so that sign-ins at the same time count each other.
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

/** What the event of a sign-in says of its device, for anyone who writes to the owner about new ones. */
export function deviceDetails({ isNewDevice }: OpenedSession): { details?: { new_device: true } } {
  return isNewDevice ? { details: { new_device: true } } : {}
}
