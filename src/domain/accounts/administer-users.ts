import { ADMIN_ROLE } from '@latchkey/verifier/core'
import { fieldError, LatchkeyError } from '../../lib/errors.js'
import { isUuid, newId } from '../../lib/ids.js'
import type { NewUser } from '../../postgres/users.js'
import { commitAndAnnounce } from '../commit-and-announce.js'
import type { AuthContext } from '../context.js'
import { checkNewPassword } from '../passwords/check-new-password.js'
import { newTemporaryPassword } from '../passwords/temporary-password.js'
import { endAllSessions } from '../sessions/end-sessions.js'
import { earlierEmailForms, emailForms, nameTaken, normaliseEmail, normaliseUsername } from './account-names.js'
import { fitBeside } from './claims.js'
import { removeAccount } from './delete-account.js'
import { areSameRoles, normaliseRoles } from './roles.js'

export interface NewAccount {
  email: string
  username?: string | undefined
  externalId?: string | undefined
  roles?: readonly string[] | undefined
}

/** The id or the e-mail of an account. */
type UserReference = string

/**
 * Creates an account with a temporary password that must be changed before the first sign-in.
 *
 * @param actor who creates it, for the event
 * @returns the password, which is not stored and cannot be shown again
 * @throws LatchkeyError invalid_email, invalid_username, invalid_role, email_taken, username_taken, external_id_taken
 */
export async function createUser(
  { db, passwords }: Pick<AuthContext, 'db' | 'passwords'>,
  account: NewAccount,
  actor: string,
): Promise<{ id: string; email: string; temporaryPassword: string }> {
  const names = readNames(account)
  const temporaryPassword = newTemporaryPassword()
  const passwordHash = await passwords.hash(temporaryPassword)
  const id = await insertUser(db, { ...names, passwordHash, mustChangePassword: true }, actor)
  return { id, email: names.email, temporaryPassword }
}

/**
 * Creates an account with a password that somebody has chosen. It does not have to be changed.
 *
 * @throws LatchkeyError as {@link createUser} and {@link checkNewPassword}
 */
export async function createUserWithPassword(
  { db, config, passwords }: Pick<AuthContext, 'db' | 'config' | 'passwords'>,
  account: NewAccount & { password: string },
  actor: string,
): Promise<{ id: string; email: string }> {
  const names = readNames(account)
  checkNewPassword(account.password, { email: names.email, minLength: config.passwordMinLength })
  const passwordHash = await passwords.hash(account.password)
  const id = await insertUser(db, { ...names, passwordHash, mustChangePassword: false }, actor)
  return { id, email: names.email }
}

function readNames(account: NewAccount) {
  const email = normaliseEmail(account.email)
  return {
    email,
    earlierEmails: earlierEmailForms(account.email),
    username: account.username === undefined ? undefined : normaliseUsername(account.username, email),
    externalId: account.externalId,
    roles: normaliseRoles(account.roles ?? []),
  }
}

async function insertUser(db: AuthContext['db'], user: Omit<NewUser, 'id'>, actor: string): Promise<string> {
  const id = newId()
  await db.transaction(async repositories => {
    const outcome = await repositories.users.insert({ ...user, id })
    if (outcome !== 'inserted') throw nameTaken(outcome)
    await repositories.securityEvents.add({ type: 'user_created', userId: id, actor })
  })
  return id
}

/**
 * Disables an account: sign-ins are refused, and every session and token of it is revoked. Repeating it changes
 * nothing.
 *
 * @throws LatchkeyError user_not_found, own_account
 */
export async function disableUser(
  context: Pick<AuthContext, 'db' | 'revocations'>,
  name: UserReference,
  actor: string,
): Promise<void> {
  const id = await findUserId(context, name)
  if (id === actor) throw new LatchkeyError('own_account')
  await commitAndAnnounce(context, async repositories => {
    const user = await repositories.users.disable(id)
    if (!user) return
    await repositories.passwordResets.removeOf(id)
    await repositories.oneTimeTokens.removeOf(id, ['confirm_email'])
    await endAllSessions(repositories, user, 'user_disabled')
    await repositories.securityEvents.add({ type: 'user_disabled', userId: id, actor })
  })
}

/**
 * Enables an account, and resets its counters of failed sign-ins. Its old sessions stay revoked.
 *
 * @throws LatchkeyError user_not_found
 */
export async function enableUser(context: Pick<AuthContext, 'db'>, name: UserReference, actor: string): Promise<void> {
  const id = await findUserId(context, name)
  await context.db.transaction(async repositories => {
    await repositories.users.enable(id)
    await repositories.deviceFailures.forgetThoseOf(id)
    await repositories.securityEvents.add({ type: 'user_enabled', userId: id, actor })
  })
}

/**
 * Changes the roles of an account. Its sessions stay live. Its access tokens with the old roles are refused as stale,
 * so that clients refresh and get the new roles. The same roles again change nothing.
 *
 * @throws LatchkeyError invalid_role, user_not_found, own_account
 */
export async function setRoles(
  context: Pick<AuthContext, 'db' | 'revocations' | 'config'>,
  name: UserReference,
  given: readonly string[],
  actor: string,
): Promise<void> {
  const roles = normaliseRoles(given)
  const id = await findUserId(context, name)
  if (id === actor && !roles.includes(ADMIN_ROLE))
    throw fieldError('own_account', 'roles', `must contain ${ADMIN_ROLE}, because this is your own account`)
  await commitAndAnnounce(context, async repositories => {
    const user = await repositories.users.lock(id)
    if (!user) throw new LatchkeyError('user_not_found')
    if (areSameRoles(user.roles, roles)) return
    const fit = (each: readonly string[]) => fitBeside(each, user.claims, context.config.claimsNamespace)
    // If the old ones did not fit either, removing some must be possible.
    if (!fit(roles) && fit(user.roles))
      throw fieldError('invalid_role', 'roles', 'are too long beside the claims of the user')
    const { rolesVersion, changedAt } = await repositories.users.setRoles(id, roles)
    const bounds = { belowRolesVersion: rolesVersion, before: changedAt }
    await repositories.journal.append([{ kind: 'user', subject: id, ...bounds, reason: 'roles_changed' }])
    await repositories.securityEvents.add({ type: 'roles_changed', userId: id, actor, details: { roles } })
  })
}

/**
 * The id of the account with this id or e-mail.
 *
 * @throws LatchkeyError user_not_found
 */
export async function findUserId({ db }: Pick<AuthContext, 'db'>, name: UserReference): Promise<string> {
  const isEmail = name.includes('@')
  const user = isEmail
    ? await db.users.findByEmail(...emailForms(name))
    : isUuid(name)
      ? await db.users.findById(name)
      : undefined
  if (!user) throw new LatchkeyError('user_not_found')
  return user.id
}

/**
 * Deletes an account with its sessions. Only the events remain, and they contain no name, only the id.
 *
 * @throws LatchkeyError user_not_found, own_account
 */
export async function deleteUser(
  context: Pick<AuthContext, 'db' | 'revocations'>,
  id: string,
  actor: string,
): Promise<void> {
  await commitAndAnnounce(context, async repositories => {
    const user = await repositories.users.raiseTokenVersion(id)
    if (!user) throw new LatchkeyError('user_not_found')
    if (user.id === actor) throw new LatchkeyError('own_account')
    await removeAccount(repositories, user, { actor })
  })
}
