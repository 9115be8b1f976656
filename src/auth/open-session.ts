import type { Repositories } from '../db/database.js'
import type { SessionFacts } from '../db/session-facts.js'
import type { Revocation } from '../revocations/revocation.js'
import type { AuthContext, Caller } from './context.js'
import { describeDevice } from './device.js'
import { endSessionsBeyond } from './end-sessions.js'
import { firstRefreshToken, hashOf, type RefreshToken, successorOf } from './refresh-token.js'
import { newSessionId } from './session-id.js'

/** The client_id of sessions that people open for themselves (RFC 9068 asks every access token for one). */
export const FIRST_PARTY_CLIENT_ID = 'latchkey'

export interface SignIn {
  userId: string
  /** As they were when the password was verified: the fences of the sign-in. Left out where none was. */
  tokenVersion?: number
  passwordHash?: string
  /** Who opens it and how it knows who it is; by default the person, by a password. */
  clientId?: string
  authMethods?: readonly string[]
  transport: 'cookie' | 'body'
  caller: Caller
}

export interface OpenedSession {
  facts: SessionFacts
  refreshToken: RefreshToken
  /** What to announce once the transaction has committed: sessions that had to make room. */
  revocations: Revocation[]
}

/**
 * Opens a session with its first refresh token, inside the caller's transaction. Undefined if the account changed since
 * its password was verified: a sign-in can't outlive a revoke-all, a disable or a password change.
 */
export async function openSession(
  { config, secrets }: Pick<AuthContext, 'config' | 'secrets'>,
  repositories: Repositories,
  { caller, ...signIn }: SignIn,
): Promise<OpenedSession | undefined> {
  const [key] = secrets.refreshKeys
  const refreshToken = firstRefreshToken(newSessionId(signIn.userId), key)
  const facts = await repositories.sessions.open({
    clientId: FIRST_PARTY_CLIENT_ID,
    authMethods: ['pwd'],
    ...signIn,
    sessionId: refreshToken.sessionId,
    device: describeDevice(caller.userAgent),
    userAgent: caller.userAgent?.slice(0, 512),
    ip: caller.ip,
    maxAgeSeconds: config.sessionMaxAgeSeconds,
    refreshTtlSeconds: config.refreshTokenTtlSeconds,
    tokenHash: hashOf(refreshToken),
    nextHash: hashOf(successorOf(refreshToken, key)),
  })
  if (!facts) return undefined
  return { facts, refreshToken, revocations: await makeRoom(repositories, signIn.userId, config.maxSessionsPerUser) }
}

/** Ends the oldest sessions beyond the limit, if there is one, each with its event. */
async function makeRoom(repositories: Repositories, userId: string, limit: number): Promise<Revocation[]> {
  if (limit === 0) return []
  const ended = await endSessionsBeyond(repositories, userId, limit, 'too_many_sessions')
  for (const entry of ended) {
    const sessionId = 'subject' in entry ? entry.subject : undefined
    const details = { reason: 'too_many_sessions' }
    await repositories.securityEvents.add({ type: 'session_revoked', userId, sessionId, actor: 'system', details })
  }
  return ended
}
