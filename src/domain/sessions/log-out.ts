import { REVOCATION_TTL_SECONDS } from '@latchkey/verifier/core'
import { type Concerns, isCredentialRefusal, LatchkeyError } from '../../lib/errors.js'
import { beganAt } from '../../lib/ids.js'
import { commitAndAnnounce } from '../commit-and-announce.js'
import type { AuthContext, Caller } from '../context.js'
import { chooseRefreshToken, examineRefreshToken, sessionOverError } from '../tokens/examine-refresh-token.js'
import { canBeExchanged } from '../tokens/judge-refresh-token.js'
import { type RefreshToken, readRefreshToken, requireRefreshToken } from '../tokens/refresh-token.js'
import { verifyAccessToken } from '../tokens/verify-access-token.js'
import { endAllSessions, endOtherSessions, endSessions, revokedEvents } from './end-sessions.js'

export type LogoutScope = 'session' | 'others' | 'all'

/** The credentials of a request to log out; at least one is required. */
export interface LogoutCredentials {
  accessToken?: string | undefined
  /** Several if a browser sent several cookies. */
  refreshTokens: readonly string[]
}

/** The session that a credential can revoke. Only a live credential can revoke the user's other sessions too. */
interface Authority {
  userId: string
  sessionId: string
  live: boolean
}

/**
 * Logs out with either token. Resolves when the revocation is committed; it also succeeds if the session is over
 * already. An expired or superseded token revokes only its own session. Of several refresh tokens the best one is used,
 * and the sessions of the others are revoked too, because the service cannot know which one the user means.
 *
 * @returns whose session it was; undefined if it no longer exists
 * @throws LatchkeyError authentication_required, live_token_required, token_invalid, token_stale, refresh_token_invalid
 */
export async function logOut(
  context: AuthContext,
  credentials: LogoutCredentials,
  scope: LogoutScope,
  caller: Caller,
): Promise<Concerns | undefined> {
  const { refreshTokens } = credentials
  const refreshToken = await chooseRefreshToken(context, refreshTokens)
  const authority = await findAuthority(context, { accessToken: credentials.accessToken, refreshToken })
  if (authority) await endBy(context, authority, scope, caller)
  if (scope === 'others') return authority
  if (refreshTokens.length > 1) await endEach(context, refreshTokens, authority, caller)
  const own = scope === 'session' && authority ? [authority.sessionId] : []
  await endLost(context, own, oneOfEachSession(context, refreshTokens).slice(0, MAX_SESSIONS))
  return authority
}

async function endEach(
  context: AuthContext,
  refreshTokens: readonly string[],
  authority: Authority | undefined,
  caller: Caller,
): Promise<void> {
  for (const token of oneOfEachSession(context, refreshTokens).slice(0, MAX_SESSIONS)) {
    const verdict = await examineRefreshToken(context, token)
    if (verdict.is === 'over' || token.sessionId === authority?.sessionId) continue
    const { userId, sessionId } = verdict.state
    await endBy(context, { userId, sessionId, live: false }, 'session', caller)
  }
}

/**
 * A failover can lose the row of a session that has just begun, but not the tokens that were issued for it. So a session
 * that was signed out and had no row is written to the journal alone: its access tokens must not be accepted.
 *
 * @param ended - sessions that were revoked if they had a row
 */
async function endLost(context: AuthContext, ended: readonly string[], tokens: readonly RefreshToken[]): Promise<void> {
  const { clock, revocations } = context
  const isUnknown = (subject: string) =>
    beganAt(subject) > clock() - REVOCATION_TTL_SECONDS * 1000 &&
    !revocations.list.covers({ kind: 'session', subject, reason: 'logout', expiresAt: null })
  const lost = new Set(ended.filter(isUnknown))
  for (const token of tokens)
    if (isUnknown(token.sessionId) && !(await examineRefreshToken(context, token)).state) lost.add(token.sessionId)
  if (lost.size === 0) return
  await commitAndAnnounce(context, ({ journal }) =>
    journal.append([...lost].map(subject => ({ kind: 'session', subject, reason: 'logout' }))),
  )
}

/** A browser does not have more by accident, and each one costs a transaction. */
const MAX_SESSIONS = 16

/** The valid tokens, one for each session. */
function oneOfEachSession({ secrets }: AuthContext, texts: readonly string[]): RefreshToken[] {
  const bySession = new Map<string, RefreshToken>()
  for (const text of texts) {
    const token = readRefreshToken(text, secrets.refreshKeys)
    if (token) bySession.set(token.sessionId, token)
  }
  return [...bySession.values()]
}

async function endBy(context: AuthContext, authority: Authority, scope: LogoutScope, caller: Caller): Promise<void> {
  const { userId, sessionId } = authority
  if (scope !== 'session' && !authority.live)
    throw new LatchkeyError('live_token_required', { concerns: { userId, sessionId } })

  await commitAndAnnounce(context, async repositories => {
    const entries =
      scope === 'session'
        ? await endSessions(repositories, userId, [sessionId], 'logout')
        : scope === 'others'
          ? await endOtherSessions(repositories, userId, sessionId, 'logout_others')
          : await endAll()
    const event = { userId, actor: 'user', ...caller }
    // An event for each session that ended: the current one goes on.
    if (scope === 'others') await repositories.securityEvents.addAll(revokedEvents(entries, event))
    else if (entries.length > 0)
      await repositories.securityEvents.add({ ...event, sessionId, type: 'signed_out', details: { scope } })

    async function endAll() {
      const user = await repositories.users.raiseTokenVersion(userId)
      return user ? endAllSessions(repositories, user, 'logout_all') : []
    }
  })
}

/** The credential with the most rights; undefined if its session no longer exists. */
async function findAuthority(
  context: AuthContext,
  { accessToken, refreshToken }: { accessToken: string | undefined; refreshToken: string | undefined },
): Promise<Authority | undefined> {
  if (accessToken === undefined && refreshToken === undefined) throw new LatchkeyError('authentication_required')
  const byAccess =
    accessToken === undefined
      ? undefined
      : await authorityOfAccessToken(context, accessToken).catch(error => {
          // The key of the access token can be removed or revoked while the cookie is still valid.
          if (refreshToken !== undefined && isCredentialRefusal(error)) return undefined
          throw error
        })
  if (byAccess?.live || refreshToken === undefined) return byAccess
  const byRefresh = await authorityOfRefreshToken(context, refreshToken)
  return byRefresh?.live ? byRefresh : (byAccess ?? byRefresh)
}

async function authorityOfAccessToken(context: AuthContext, token: string): Promise<Authority> {
  const { userId, sessionId } = await context.accessTokens.identify(token)
  const live = await verifyAccessToken(context, token).then(
    () => true,
    () => false,
  )
  return { userId, sessionId, live }
}

async function authorityOfRefreshToken(context: AuthContext, text: string): Promise<Authority | undefined> {
  const verdict = await examineRefreshToken(context, requireRefreshToken(text, context.secrets.refreshKeys))
  const { state } = verdict
  return state && { userId: state.userId, sessionId: state.sessionId, live: canBeExchanged(verdict) }
}

/**
 * Revokes the session of a refresh token. Unlike {@link logOut} it throws if the session is over already. A superseded
 * token is enough: signing out is always allowed.
 *
 * @returns whose session it was
 * @throws LatchkeyError refresh_token_invalid, refresh_token_expired, session_revoked, session_expired, user_disabled
 */
export async function endSessionOfToken(
  context: Pick<AuthContext, 'activity' | 'clock' | 'config' | 'db' | 'revocations' | 'secrets'>,
  text: string,
  caller: Caller,
): Promise<Concerns> {
  const presented = requireRefreshToken(text, context.secrets.refreshKeys)
  const verdict = await examineRefreshToken(context, presented)
  if (verdict.is === 'over') throw sessionOverError(context, presented, verdict)
  const { userId, sessionId } = verdict.state

  await commitAndAnnounce(context, async repositories => {
    const entries = await endSessions(repositories, userId, [sessionId], 'logout')
    // The session was revoked by another request in the meantime.
    if (entries.length === 0) throw new LatchkeyError('session_revoked', { concerns: { userId, sessionId } })
    const event = { userId, sessionId, actor: 'user', ...caller, details: { scope: 'session' } }
    await repositories.securityEvents.add({ ...event, type: 'signed_out' })
  })
  return { userId, sessionId }
}
