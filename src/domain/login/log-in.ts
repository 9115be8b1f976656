import { setImmediate } from 'node:timers/promises'
import { concerning, LatchkeyError } from '../../lib/errors.js'
import { SIGN_IN_OUTCOMES, type SignInOutcome, signIns } from '../../lib/measurements.js'
import type { User } from '../../postgres/users.js'
import { type AccountNames, attemptCounter, findAccount } from '../accounts/find-account.js'
import { commitAndAnnounce } from '../commit-and-announce.js'
import type { AuthContext, Caller } from '../context.js'
import { type OpenedSession, openSession, openSessionIfRoom } from '../sessions/open-session.js'
import { type Grant, grantTokens } from '../tokens/grant-tokens.js'
import { issueDeviceCookie } from './device-cookie.js'
import type { JoinQueue } from './failure-delay.js'
import { type Attempt, type EarlierSignInProof, findKnownCaller, isDeviceCookie, reserveAttempt } from './lockout.js'

export interface Credentials extends AccountNames {
  password: string
  transport: 'cookie' | 'body'
  /** False if the browser must forget the session when it closes. */
  remember?: boolean | undefined
  /** The device cookie of the browser. */
  deviceCookie?: string | undefined
  /** The client whose API the session uses; by default our own. */
  clientId?: string | undefined
}

/**
 * Signs in with a password and opens a new session, whatever cookie the request has. An unknown name, a wrong password
 * and a disabled account are refused in the same way and at the same time.
 *
 * @throws LatchkeyError invalid_credentials, password_change_required, too_many_sessions, rate_limited, busy
 */
export async function logIn(context: AuthContext, credentials: Credentials, caller: Caller): Promise<Grant> {
  try {
    const grant = await context.failureDelay.run(joinQueue => signIn(context, credentials, caller, joinQueue))
    signIns.report('signed_in')
    return grant
  } catch (error) {
    signIns.report(outcomeOf(error))
    throw error
  }
}

async function signIn(context: AuthContext, credentials: Credentials, caller: Caller, joinQueue: JoinQueue) {
  const user = await checkPassword(context, credentials, caller, joinQueue)
  let opened: OpenedSession | undefined
  try {
    opened = await openVerified(context, user, credentials, caller)
  } catch (error) {
    if (error instanceof LatchkeyError && error.code === 'too_many_sessions')
      context.recordEvent({ ...failure(user, caller), details: { reason: error.code } })
    // In the background: if Postgres does not answer, nobody waits for it a second time.
    context.background.run('reset the attempts of a right password', () => forgetAttempts(context, user))
    throw concerning(error, { userId: user.id })
  }
  if (!opened) {
    await forgetAttempts(context, user)
    throw refusal(context, user, caller)
  }
  const device = issueDeviceCookie(context, { ...credentials, userId: user.id })
  return { ...grantTokens(context, opened.facts, opened.refreshToken), device }
}

/**
 * Verifies a password and returns its user. A weaker hash is upgraded. The attempt is counted before its result is
 * known, so that attempts at the same time cannot exceed a limit together; a success resets the counters. A locked
 * account causes the same work, and refuses the right password in the same way as a wrong one.
 *
 * @param joinQueue from the {@link FailureDelay} that runs the sign-in
 */
export async function verifyPassword(...given: Parameters<typeof checkPassword>): Promise<User> {
  const user = await checkPassword(...given)
  await forgetAttempts(given[0], user)
  return user
}

/** The same, but the attempts on the account still count: a session that is opened resets them in its own statement. */
async function checkPassword(
  context: AuthContext,
  credentials: AccountNames & EarlierSignInProof & Pick<Credentials, 'password'>,
  caller: Caller,
  joinQueue: JoinQueue,
): Promise<User> {
  const { passwords, loginLimiter, db } = context
  const name = attemptCounter(credentials)
  const mayBeKnown = credentials.session !== undefined || isDeviceCookie(context, credentials.deviceCookie)
  // Before the account is read, so that a refusal by the limit does not show whether it exists.
  if (!mayBeKnown) await loginLimiter.reserve(name)
  const user = await findAccount(context, credentials)
  const known = mayBeKnown ? findKnownCaller(context, user?.id, credentials) : undefined
  // Anybody can use up the attempts of a name, but not those of a known browser or session.
  const account = known?.counter ?? name
  if (mayBeKnown)
    await loginLimiter.reserve(account).catch((error: unknown) => {
      throw concerning(error, { userId: user?.id })
    })
  joinQueue(account)

  let attempt: Attempt
  let verified: boolean
  try {
    // Hash for an unknown name too, so that it costs as much as a known one.
    const verifying = user
      ? passwords.verify(user.passwordHash, credentials.password, known !== undefined)
      : passwords.verifyDummyHash(credentials.password)
    // If the queue for hashes is full, fail before waiting for the row, so that a flood does not queue for one account.
    await Promise.race([verifying, setImmediate()])
    const reserving = reserveAttempt(context, user, known)
    ;[attempt, verified] = await Promise.all([reserving, verifying])
  } catch (error) {
    await loginLimiter.forgive(account)
    throw error
  }
  if (!user || !verified || user.disabledAt || attempt === 'locked') {
    if (user && attempt === 'last') recordLock(context, user, caller)
    throw refusal(context, user, caller, attempt)
  }
  await Promise.all([loginLimiter.forgive(account), attempt === 'known' && known && db.deviceFailures.forget(known.id)])

  if (!passwords.needsUpgrade(user.passwordHash)) return user
  const strongerHash = await passwords.hash(credentials.password, true)
  const upgraded = await db.users.upgradePasswordHash(user.id, user.passwordHash, strongerHash)
  // Otherwise the hash was changed at the same time; the condition of the sign-in decides about that.
  return upgraded ? { ...user, passwordHash: strongerHash } : user
}

/**
 * Opens the session, on the condition that the account has not changed since the password was verified. If only the
 * hash has changed, another sign-in may have upgraded it: try once more. If the token_version has increased, every
 * session of this account was revoked, and this sign-in is refused too.
 */
async function openVerified(
  context: AuthContext,
  user: User,
  { transport, remember, clientId, password }: Credentials,
  caller: Caller,
): Promise<OpenedSession | undefined> {
  if (user.mustChangePassword) throw new LatchkeyError('password_change_required')
  const open = async ({ passwordHash }: User) => {
    const fence = { tokenVersion: user.tokenVersion, passwordHash }
    const signIn = { userId: user.id, fence, transport, remember, clientId, caller }
    return (
      (await openSessionIfRoom(context, context.db, signIn)) ??
      commitAndAnnounce(context, repositories => openSession(context, repositories, signIn))
    )
  }

  const opened = await open(user)
  if (opened) return opened
  const now = await context.db.users.findById(user.id)
  if (!now || now.disabledAt || now.tokenVersion !== user.tokenVersion) return undefined
  return (await context.passwords.verify(now.passwordHash, password, true)) ? open(now) : undefined
}

async function forgetAttempts({ config, db }: AuthContext, { id }: User): Promise<void> {
  if (config.lockout.failures > 0) await db.users.forgetAttempts(id)
}

/** The event tells support why a right password was refused; the error does not tell the caller. */
function refusal(
  context: AuthContext,
  user: User | undefined,
  caller: Caller,
  attempt: Attempt | 'none' = 'none',
): LatchkeyError {
  const details = user && attempt === 'locked' ? { details: { locked: true } } : {}
  context.recordEvent({ ...failure(user, caller), ...details })
  const error = new LatchkeyError('invalid_credentials', { concerns: { userId: user?.id } })
  reasons.set(error, reasonOf(user, attempt))
  return error
}

/** Why credentials were refused, for the metrics. The error and its answer do not say it. */
const reasons = new WeakMap<object, SignInOutcome>()

function reasonOf(user: User | undefined, attempt: Attempt | 'none'): SignInOutcome {
  if (user === undefined) return 'unknown_account'
  if (user.disabledAt) return 'account_disabled'
  if (attempt === 'none') return 'account_changed'
  return attempt === 'locked' ? 'account_locked' : 'wrong_password'
}

function outcomeOf(error: unknown): SignInOutcome {
  if (!(error instanceof LatchkeyError)) return 'failed'
  const { code } = error
  return reasons.get(error) ?? SIGN_IN_OUTCOMES.find(outcome => outcome === code) ?? 'failed'
}

function failure(user: User | undefined, caller: Caller) {
  return { type: 'sign_in_failed', userId: user?.id, actor: 'user', ...caller } as const
}

/** Only one attempt gets the last number, so the event is recorded once. */
function recordLock(context: AuthContext, user: User, caller: Caller): void {
  const details = { failures: context.config.lockout.failures }
  context.recordEvent({ type: 'account_locked', userId: user.id, actor: 'system', ...caller, details })
}
