import type { Command } from 'commander'
import type { NewNames } from '../domain/accounts/rename-user.js'
import type { AuthContext } from '../domain/context.js'
import { EXIT } from './exit-codes.js'
import { formatInstant, print } from './output.js'
import { ACTOR, type Configure, withContext, withDatabase } from './with-stores.js'

/** Imported when a command needs it, so that the help is printed without loading it. */
const administration = () => import('../domain/accounts/administer-users.js')

/** `latchkey users` */
export function addUserCommands(program: Command, configure: Configure): void {
  const users = program.command('users').description('manage accounts')
  const inContext = async (work: (context: AuthContext) => Promise<void>) => withContext(await configure(), work)
  users
    .command('create')
    .description(
      'create an account and print its temporary password once; the user must change it at the first sign-in',
    )
    .argument('<email>')
    .option('--username <name>', 'a second name for signing in')
    .option('--role <role>', 'a role of the account; can be repeated', collect)
    .action((email: string, { username, role: roles }: { username?: string; role?: string[] }) =>
      inContext(async context => {
        const { createUser } = await administration()
        const user = await createUser(context, { email, username, roles }, ACTOR)
        print(`Created the account ${user.email} with the id ${user.id}.`)
        print(`Its temporary password, shown only now: ${user.temporaryPassword}`)
      }),
    )
  users
    .command('import')
    .description('import accounts from another system: one JSON object a line (docs/importing-users.md)')
    .argument('<file>', 'or - for standard input')
    .option(
      '--role-mapping <file>',
      'a JSON object that maps roles of the other system to a role, a list of roles, or null',
    )
    .addHelpText(
      'after',
      '\nThe exit code is 0 if no line was left out, 2 if lines were left out, and 1 if the import did not finish.',
    )
    .action(async (file: string, { roleMapping }: { roleMapping?: string }) => {
      const { importFile } = await import('./import-users.js')
      await importFile(await configure(), file, roleMapping)
    })
  users
    .command('roles')
    .description('set the roles of an account; its sessions continue after a refresh')
    .argument('<email or id>')
    .argument('[role...]', 'if you give no role, all roles are removed')
    .action((name: string, roles: string[]) =>
      inContext(async context => {
        const { setRoles } = await administration()
        await setRoles(context, name, roles, ACTOR)
        print(roles.length > 0 ? `${name} has the roles ${roles.join(', ')}.` : `${name} has no roles.`)
      }),
    )
  users
    .command('check-emails')
    .description('list accounts whose e-mail is not stored in the current form (docs/administration.md)')
    .action(async () =>
      withDatabase(await configure(), async ({ db }) => {
        const shared = await checkEmails({ db })
        if (shared > 0) process.exitCode = EXIT.incomplete
      }),
    )
  users
    .command('rename')
    .description('change the e-mail or the username of an account; its sessions continue')
    .argument('<email or id>')
    .option('--email <address>', 'the new e-mail; a password reset token that was issued before becomes invalid')
    .option('--username <name>', 'the new username; if it looks like an e-mail, it must be the e-mail of the account')
    .option('--no-username', 'remove the username')
    .action(async (name: string, options: { email?: string; username?: string | false }) => {
      const { email, username } = options
      if (email === undefined && username === undefined)
        program.error('error: give --email, --username or --no-username')
      await inContext(context =>
        renameAccount(context, name, { email, username: username === false ? null : username }),
      )
    })
  users
    .command('reset-password')
    .description('print a one-time token with which the user can set a new password at /auth/reset-password')
    .argument('<email or id>')
    .action((name: string) =>
      inContext(async context => {
        const { issuePasswordReset } = await import('../domain/passwords/password-reset.js')
        const { token, email, expiresAt } = await issuePasswordReset(context, name, ACTOR)
        print(`Until ${formatInstant(expiresAt)}, ${email} can set a new password once with this token.`)
        print(`The token, shown only now: ${token}`)
      }),
    )
  users
    .command('disable')
    .description('revoke every session of an account and refuse new ones')
    .argument('<email or id>')
    .action((name: string) =>
      inContext(async context => {
        const { disableUser } = await administration()
        await disableUser(context, name, ACTOR)
        print(`Disabled ${name} and revoked its sessions.`)
      }),
    )
  users
    .command('enable')
    .description('allow a disabled or locked account to sign in again')
    .argument('<email or id>')
    .action((name: string) =>
      inContext(async context => {
        const { enableUser } = await administration()
        await enableUser(context, name, ACTOR)
        print(`${name} can sign in again.`)
      }),
    )
}

/** `latchkey sign-out-everyone` */
export function addSignOutEveryoneCommand(program: Command, configure: Configure): void {
  program
    .command('sign-out-everyone')
    .description('revoke every session of every account')
    .action(async () =>
      withContext(await configure(), async context => {
        const { signOutEveryone } = await import('../domain/sessions/end-many-sessions.js')
        await signOutEveryone(context, ACTOR)
        print('Revoked every session.')
      }),
    )
}

/** @returns how many accounts share an address with another */
async function checkEmails(context: Pick<AuthContext, 'db'>): Promise<number> {
  const { findEarlierEmails } = await import('../domain/accounts/find-users.js')
  let [found, shared] = [0, 0]
  for await (const { id, email, form, otherId } of findEarlierEmails(context)) {
    found++
    if (otherId !== undefined) {
      shared++
      print(`${id} has the e-mail ${email}, which is the same address as the e-mail of ${otherId}.`)
    } else if (form === undefined) print(`${id} has the e-mail ${email}, which is not a valid address any more.`)
    else
      print(
        `${id} has the e-mail ${email}; to store its current form, run: latchkey users rename ${id} --email ${form}`,
      )
  }
  if (found === 0) print('Every e-mail is stored in its current form.')
  return shared
}

async function renameAccount(context: AuthContext, name: string, names: NewNames): Promise<void> {
  const { renameUser } = await import('../domain/accounts/rename-user.js')
  const { id, email, username } = await renameUser(context, name, names, ACTOR)
  print(
    `The account ${id} has the e-mail ${email} and ${username === null ? 'no username' : `the username ${username}`}.`,
  )
}

/** Collects a repeated option. A variadic option would take the e-mail after it for a role. */
function collect(role: string, roles: readonly string[] = []): string[] {
  return [...roles, role]
}
