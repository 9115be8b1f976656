import type { Command } from 'commander'
import type { NewNames } from '../domain/accounts/rename-user.js'
import type { AuthContext } from '../domain/context.js'
import { EXIT_INCOMPLETE, formatInstant, print } from './output.js'
import { ACTOR, type Configure, withContext, withDatabase } from './with-stores.js'

// Each action imports what it needs, so that the help and the version are printed without loading all this.
const administration = () => import('../domain/accounts/administer-users.js')

/** `latchkey users` */
export function addUserCommands(program: Command, configure: Configure): void {
  const users = program.command('users').description('accounts')
  const inContext = async (work: (context: AuthContext) => Promise<void>) => withContext(await configure(), work)
  users
    .command('create')
    .description('make an account; its temporary password is printed once, and must be changed at the first sign-in')
    .argument('<email>')
    .option('--username <name>', 'a second name to sign in with')
    .option('--role <role>', 'a role of the account; may be given several times', collect)
    .action((email: string, { username, role: roles }: { username?: string; role?: string[] }) =>
      inContext(async context => {
        const { createUser } = await administration()
        const user = await createUser(context, { email, username, roles }, ACTOR)
        print(`Made the account ${user.email} with the id ${user.id}.`)
        print(`Its temporary password, shown only now: ${user.temporaryPassword}`)
      }),
    )
  users
    .command('import')
    .description('take over accounts from another system: one JSON object a line (docs/importing-users.md)')
    .argument('<file>', 'or - for standard input')
    .option(
      '--role-mapping <file>',
      'a JSON object: from roles of the other system to a role, a list of roles, or null',
    )
    .addHelpText(
      'after',
      '\nIt exits with 0 if every line is in, with 2 if lines were left out, and with 1 if it did not get to the end.',
    )
    .action(async (file: string, { roleMapping }: { roleMapping?: string }) => {
      const { importFile } = await import('./import-users.js')
      await importFile(await configure(), file, roleMapping)
    })
  users
    .command('roles')
    .description('set the roles of an account; its clients refresh and go on with them')
    .argument('<email or id>')
    .argument('[role...]', 'none takes all away')
    .action((name: string, roles: string[]) =>
      inContext(async context => {
        const { setRoles } = await administration()
        await setRoles(context, name, roles, ACTOR)
        print(roles.length > 0 ? `${name} has the roles ${roles.join(', ')}.` : `${name} has no roles.`)
      }),
    )
  users
    .command('check-emails')
    .description('list the accounts whose e-mail an earlier version stored in another form (docs/administration.md)')
    .action(async () =>
      withDatabase(await configure(), async ({ db }) => {
        const shared = await checkEmails({ db })
        if (shared > 0) process.exitCode = EXIT_INCOMPLETE
      }),
    )
  users
    .command('rename')
    .description('give an account another e-mail or username; its sessions go on')
    .argument('<email or id>')
    .option('--email <address>', 'a one-time token for a new password that was issued before ends')
    .option('--username <name>', 'one that looks like an e-mail must be that of the account')
    .option('--no-username', 'takes the username away')
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
    .description('print a one-time token with which the user sets a new password at /auth/reset-password')
    .argument('<email or id>')
    .action((name: string) =>
      inContext(async context => {
        const { issuePasswordReset } = await import('../domain/passwords/password-reset.js')
        const { token, email, expiresAt } = await issuePasswordReset(context, name, ACTOR)
        print(`Until ${formatInstant(expiresAt)}, ${email} may set a new password once with this token.`)
        print(`Its only copy, shown only now: ${token}`)
      }),
    )
  users
    .command('disable')
    .description('end every session of an account and refuse new ones')
    .argument('<email or id>')
    .action((name: string) =>
      inContext(async context => {
        const { disableUser } = await administration()
        await disableUser(context, name, ACTOR)
        print(`${name} is disabled; its sessions have ended.`)
      }),
    )
  users
    .command('enable')
    .description('let an account sign in again')
    .argument('<email or id>')
    .action((name: string) =>
      inContext(async context => {
        const { enableUser } = await administration()
        await enableUser(context, name, ACTOR)
        print(`${name} may sign in again.`)
      }),
    )
}

/** `latchkey sign-out-everyone` */
export function addSignOutEveryoneCommand(program: Command, configure: Configure): void {
  program
    .command('sign-out-everyone')
    .description('end every session of every account')
    .action(async () =>
      withContext(await configure(), async context => {
        const { signOutEveryone } = await import('../domain/sessions/end-many-sessions.js')
        await signOutEveryone(context, ACTOR)
        print('Every session has ended.')
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
      print(`${id} has the e-mail ${email}, which is the same address as that of ${otherId}.`)
    } else if (form === undefined) print(`${id} has the e-mail ${email}, which is no address that is taken today.`)
    else print(`${id} has the e-mail ${email}; to store it as it is today: latchkey users rename ${id} --email ${form}`)
  }
  if (found === 0) print('Every e-mail is stored in its form of today.')
  return shared
}

async function renameAccount(context: AuthContext, name: string, names: NewNames): Promise<void> {
  const { renameUser } = await import('../domain/accounts/rename-user.js')
  const { id, email, username } = await renameUser(context, name, names, ACTOR)
  print(
    `The account ${id} has the e-mail ${email} and ${username === null ? 'no username' : `the username ${username}`}.`,
  )
}

/** Not a variadic option: that would take the e-mail after it for a role. */
function collect(role: string, roles: readonly string[] = []): string[] {
  return [...roles, role]
}
