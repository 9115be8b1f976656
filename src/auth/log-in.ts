import type { User } from '../db/users.js'
import { LatchkeyError } from '../errors.js'
import type { AuthContext, Caller } from './context.js'
import { normaliseEmail } from './email.js'
import { type Grant, grantTokens } from './grant-tokens.js'
import { deviceDetails, type OpenedSession, openSession } from './open-session.js'

export interface Credentials {
  /** One of the two names an account may have. */
  email?: string | undefined
  username?: string | undefined
  password: string
  transport: 'cookie' | 'body'
  /** False for a session that the browser shall forget. */
  remember?: boolean | undefined
}

/**
 * Signs in with a password: a new session, whatever cookie the request carried. An unknown name, a wrong password and a
 * disabled account are refused alike, and after the same work.
 *
 * @throws LatchkeyError invalid_credentials, password_change_required, too_many_sessions, rate_limited, busy
 */
export async function logIn(context: AuthContext, credentials: Credentials, caller: Caller): Promise<Grant> {
  const user = await verifyPassword(context, credentials, caller)
  if (user.mustChangePassword) throw new LatchkeyError('password_change_required')

  const opened = await openVerified(context, user, credentials, caller).catch((error: unknown) => {
    if (error instanceof LatchkeyError && error.code === 'too_many_sessions')
      context.note({ ...failure(user, caller), details: { reason: error.code } })
    throw error
  })
  if (!opened) throw refusal(context, user, caller)
  context.revocations.announce(opened.revocations)
  return grantTokens(context, opened.facts, opened.refreshToken)
}

/**
 * The user whose password this is, its hash upgraded if it was made at a lower cost. The attempt is counted before it
 * is hashed, so that attempts at the same time can't slip past the limit together, and taken back if it succeeds.
 */
export async function verifyPassword(
  context: AuthContext,
  credentials: Pick<Credentials, 'email' | 'username' | 'password'>,
  caller: Caller,
): Promise<User> {
  const { passwords, failures, db } = context
  const name = accountName(credentials)
  const user = await findUser(context, name)
  const account = Object.entries(name).join()
  await failures.reserve(account)

  let verified = false
  try {
    // Hash for nobody too, and for whom no password opens, so that timing hides unknown and disabled users.
    verified =
      user && !user.disabledAt
        ? await passwords.verify(user.passwordHash, credentials.password)
        : await passwords.verifyNobody(credentials.password)
  } catch (error) {
    await failures.forgive(account)
    throw error
  }
  if (!user || !verified) throw refusal(context, user, caller)
  await failures.forgive(account)

  if (!passwords.needsUpgrade(user.passwordHash)) return user
  const strongerHash = await passwords.hash(credentials.password)
  const upgraded = await db.users.upgradePasswordHash(user.id, user.passwordHash, strongerHash)
  // Somebody changed the hash meanwhile; the fence of the sign-in decides what that means.
  return upgraded ? { ...user, passwordHash: strongerHash } : user
}

/**
 * Opens the session. Its fence breaks when the account changed since the password was verified. If all that changed is
 * the hash, then another sign-in may have upgraded it: look once more. If the token_version moved on, somebody ended
 * every session of this account, and this one with them.
 */
async function openVerified(
  context: AuthContext,
  user: User,
  credentials: Credentials,
  caller: Caller,
): Promise<OpenedSession | undefined> {
  const open = ({ passwordHash }: User) =>
    context.db.transaction(async repositories => {
      const fences = { userId: user.id, tokenVersion: user.tokenVersion, passwordHash }
      const { transport, remember } = credentials
      const session = await openSession(context, repositories, { ...fences, transport, remember, caller })
      if (!session) return undefined
      const event = { userId: user.id, sessionId: session.facts.sessionId, actor: 'user', ...caller }
      await repositories.securityEvents.add({ ...event, type: 'signed_in', ...deviceDetails(session) })
      return session
    })

  const opened = await open(user)
  if (opened) return opened
  const now = await context.db.users.findById(user.id)
  if (!now || now.disabledAt || now.tokenVersion !== user.tokenVersion) return undefined
  return (await context.passwords.verify(now.passwordHash, credentials.password)) ? open(now) : undefined
}

/** What names an account, in the form in which it is stored. */
type AccountName = { email: string } | { username: string }

/**
 * Attempts are counted by this name whether or not it has an account: were they counted by the account, then spellings
 * of one name would tell by their limit which accounts exist.
 */
function accountName({ email, username }: Pick<Credentials, 'email' | 'username'>): AccountName {
  if (username !== undefined) return { username: username.normalize('NFKC') }
  try {
    return { email: normaliseEmail(email ?? '') }
  } catch (error) {
    // What is no address has no account.
    if (error instanceof LatchkeyError && error.code === 'invalid_email') return { email: '' }
    throw error
  }
}

async function findUser({ db }: AuthContext, name: AccountName) {
  return 'username' in name ? db.users.findByUsername(name.username) : db.users.findByEmail(name.email)
}

function refusal(context: AuthContext, user: User | undefined, caller: Caller): LatchkeyError {
  context.note(failure(user, caller))
  return new LatchkeyError('invalid_credentials')
}

function failure(user: User | undefined, caller: Caller) {
  return { type: 'sign_in_failed', userId: user?.id, actor: 'user', ...caller } as const
}
