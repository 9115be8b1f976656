import type { NewAccount } from '../domain/accounts/administer-users.js'
import * as verbs from '../domain/accounts/administer-users.js'
import { findEarlierEmails } from '../domain/accounts/find-users.js'
import { type NewNames, renameUser as rename } from '../domain/accounts/rename-user.js'
import type { AuthContext } from '../domain/context.js'
import { issuePasswordReset } from '../domain/passwords/password-reset.js'
import * as realm from '../domain/sessions/end-many-sessions.js'

type Print = (line: string) => void

/** Who the events of these commands name. */
const ACTOR = 'cli'

/** `latchkey users create EMAIL`: the temporary password is printed here and nowhere else. */
export async function createUser(context: AuthContext, account: NewAccount, print: Print): Promise<void> {
  const user = await verbs.createUser(context, account, ACTOR)
  print(`Made the account ${user.email} with the id ${user.id}.`)
  print(`Its temporary password, shown only now: ${user.temporaryPassword}`)
}

/** `latchkey users reset-password NAME`: the token is printed here and nowhere else. */
export async function resetPassword(context: AuthContext, name: string, print: Print): Promise<void> {
  const { token, email, expiresAt } = await issuePasswordReset(context, name, ACTOR)
  print(`Until ${expiresAt.toISOString().slice(0, 19)}Z, ${email} may set a new password once with this token.`)
  print(`Its only copy, shown only now: ${token}`)
}

/** `latchkey users disable NAME` */
export async function disableUser(context: AuthContext, name: string, print: Print): Promise<void> {
  await verbs.disableUser(context, name, ACTOR)
  print(`${name} is disabled; its sessions have ended.`)
}

/** `latchkey users enable NAME` */
export async function enableUser(context: AuthContext, name: string, print: Print): Promise<void> {
  await verbs.enableUser(context, name, ACTOR)
  print(`${name} may sign in again.`)
}

/** `latchkey users roles NAME [ROLE...]` */
export async function setRoles(
  context: AuthContext,
  name: string,
  roles: readonly string[],
  print: Print,
): Promise<void> {
  await verbs.setRoles(context, name, roles, ACTOR)
  print(roles.length > 0 ? `${name} has the roles ${roles.join(', ')}.` : `${name} has no roles.`)
}

/** `latchkey users check-emails`; returns how many accounts share an address with another. */
export async function checkEmails(context: Pick<AuthContext, 'db'>, print: Print): Promise<number> {
  let [found, shared] = [0, 0]
  for await (const { id, email, form, otherId } of findEarlierEmails(context)) {
    found++
    if (otherId !== undefined) {
      shared++
      print(`${id} has the e-mail ${email}, which is the same address as that of ${otherId}.`)
    } else if (form === undefined) print(`${id} has the e-mail ${email}, which is no address that is taken today.`)
    else print(`${id} has the e-mail ${email}; to store it as it is today: latchkey users rename ${id} --email ${form}`)
  }
  if (found === 0) print('Every e-mail is stored in its form of today.')
  return shared
}

/** `latchkey users rename NAME` */
export async function renameUser(context: AuthContext, name: string, names: NewNames, print: Print): Promise<void> {
  const { id, email, username } = await rename(context, name, names, ACTOR)
  print(
    `The account ${id} has the e-mail ${email} and ${username === null ? 'no username' : `the username ${username}`}.`,
  )
}

/** `latchkey sign-out-everyone` */
export async function signOutEveryone(context: AuthContext, print: Print): Promise<void> {
  await realm.signOutEveryone(context, ACTOR)
  print('Every session has ended.')
}
