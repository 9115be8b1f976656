import type { Command } from 'commander'
import type { AuthContext } from '../domain/context.js'
import type { User } from '../postgres/users.js'
import { withReceipt } from './await-receipt.js'
import { confirm, requireConfirmation } from './confirm.js'
import { UsageError } from './exit-codes.js'
import { withExamples, withRevocationDelay } from './help.js'
import { formatInstant, isJson, print, printResult } from './output.js'
import { USER } from './read-users.js'
import { ACTOR, type Configure, withContext } from './with-stores.js'

/** Imported when a command needs it, so that the help is printed without loading it. */
const administration = () => import('../domain/accounts/administer-users.js')

/** The commands of `latchkey users` that change one account. */
export function addChangingUserCommands(users: Command, configure: Configure): void {
  const inContext = async (name: string, work: (context: AuthContext, user: User) => Promise<void>) =>
    withContext(await configure(), async context => {
      const { getAccountByAnyName } = await import('../domain/accounts/find-account.js')
      await work(context, await getAccountByAnyName(context, name))
    })

  addDelete(users, inContext)
  addKeep(users, inContext)
  addRename(users, inContext)
  addPasswordCommands(users, inContext)

  const roles = users
    .command('roles')
    .description('replace all roles of an account; its sessions continue after a refresh')
    .argument(USER)
    .argument('[role...]', 'the roles that it has from now on')
    .option('--none', 'remove all roles')
    .action(async (name: string, roles: string[], { none = false }: { none?: boolean }) => {
      if (roles.length === 0 && !none)
        throw new UsageError('give the roles, or --none to remove all. "latchkey users show" shows them.')
      if (roles.length > 0 && none) throw new UsageError('give roles or --none, not both.')
      await inContext(name, async (context, { id }) => {
        await (await administration()).setRoles(context, id, roles, ACTOR)
        await printUser(context, id, () =>
          print(roles.length > 0 ? `${name} has the roles ${roles.join(', ')}.` : `${name} has no roles.`),
        )
      })
    })
  withExamples(withReceipt(roles), 'users roles ada@example.com admin editor', 'users roles ada@example.com --none')

  const disable = users
    .command('disable')
    .description('revoke every session of an account and refuse new ones')
    .argument(USER)
    .action((name: string) =>
      inContext(name, async (context, { id }) => {
        await (await administration()).disableUser(context, id, ACTOR)
        await printUser(context, id, () => print(`Disabled ${name} and revoked its sessions.`))
      }),
    )
  withExamples(withRevocationDelay(disable), 'users disable ada@example.com')

  const enable = users
    .command('enable')
    .description('allow a disabled or locked account to sign in again')
    .argument(USER)
    .action((name: string) =>
      inContext(name, async (context, { id }) => {
        await (await administration()).enableUser(context, id, ACTOR)
        await printUser(context, id, () => print(`${name} can sign in again.`))
      }),
    )
  withExamples(enable, 'users enable ada@example.com')
}

type InContext = (name: string, work: (context: AuthContext, user: User) => Promise<void>) => Promise<void>

function addDelete(users: Command, inContext: InContext): void {
  const remove = users
    .command('delete')
    .alias('remove')
    .description('delete an account with its sessions; its events are kept')
    .argument(USER)
    .option('--yes', 'do not ask for confirmation; needed if nobody is at a terminal')
    .action(async (name: string, { yes = false }: { yes?: boolean }) => {
      requireConfirmation(yes)
      await inContext(name, async (context, { id, email }) => {
        if (!yes) await confirm(`Delete the account ${email} (${id}) and its sessions?`)
        await (await administration()).deleteUser(context, id, ACTOR)
        printResult({ id, email, deleted: true }, () => print(`Deleted the account ${email} (${id}) and its sessions.`))
      })
    })
  withExamples(withRevocationDelay(remove), 'users delete ada@example.com', 'users delete ada@example.com --yes')
}

function addKeep(users: Command, inContext: InContext): void {
  const keep = users
    .command('keep')
    .description('cancel the deletion of an account that its owner asked for')
    .argument(USER)
    .action((name: string) =>
      inContext(name, async (context, { id, deleteAt }) => {
        const { cancelDeletion } = await import('../domain/accounts/delete-account.js')
        await cancelDeletion(context, id, ACTOR)
        await printUser(context, id, () =>
          print(deleteAt === null ? `No deletion of ${name} is planned.` : `${name} is not deleted.`),
        )
      }),
    )
  withExamples(keep, 'users keep ada@example.com')
}

function addRename(users: Command, inContext: InContext): void {
  const rename = users
    .command('rename')
    .description('change the e-mail or the username of an account; its sessions continue')
    .argument(USER)
    .option('--email <address>', 'the new e-mail; a password reset token that was issued before becomes invalid')
    .option('--username <name>', 'the new username; if it looks like an e-mail, it must be the e-mail of the account')
    .option('--no-username', 'remove the username')
    .action(async (name: string, options: { email?: string; username?: string | false }) => {
      const { email, username } = options
      if (email === undefined && username === undefined)
        throw new UsageError('give --email, --username or --no-username.')
      await inContext(name, async (context, { id }) => {
        const { renameUser } = await import('../domain/accounts/rename-user.js')
        const names = { email, username: username === false ? null : username }
        const renamed = await renameUser(context, id, names, ACTOR)
        const second = renamed.username === null ? 'no username' : `the username ${renamed.username}`
        await printUser(context, id, () => print(`The account ${id} has the e-mail ${renamed.email} and ${second}.`))
      })
    })
  withExamples(rename, 'users rename ada@example.com --email ada.lovelace@example.com')
}

function addPasswordCommands(users: Command, inContext: InContext): void {
  const reset = users
    .command('reset-password')
    .description('print a one-time token with which the user can set a new password at /auth/reset-password')
    .argument(USER)
    .action((name: string) =>
      inContext(name, async (context, { id }) => {
        const { issuePasswordReset } = await import('../domain/passwords/password-reset.js')
        const { token, email, expiresAt } = await issuePasswordReset(context, id, ACTOR)
        printResult({ token, email, expires_at: expiresAt.toISOString() }, () => {
          print(`Until ${formatInstant(expiresAt)}, ${email} can set a new password once with this token.`)
          print(`The token, shown only now: ${token}`)
        })
      }),
    )
  withExamples(reset, 'users reset-password ada@example.com --json')

  const temporary = users
    .command('temporary-password')
    .description('revoke every session of an account and print a new temporary password once')
    .argument(USER)
    .action((name: string) =>
      inContext(name, async (context, { id, email }) => {
        const { setTemporaryPassword } = await import('../domain/passwords/temporary-password.js')
        const password = await setTemporaryPassword(context, id, ACTOR)
        printResult({ temporary_password: password }, () => {
          print(`Replaced the password of ${email} and revoked its sessions.`)
          print(`Its temporary password, shown only now: ${password}`)
        })
      }),
    )
  withExamples(withRevocationDelay(temporary), 'users temporary-password ada@example.com')
}

async function printUser(context: AuthContext, id: string, inWords: () => void): Promise<void> {
  if (!isJson()) return inWords()
  const [{ getUserOverview }, { userOverviewView }] = await Promise.all([
    import('../domain/accounts/find-users.js'),
    import('../http/routes/admin/schemas.js'),
  ])
  printResult(userOverviewView(await getUserOverview(context, id)), inWords)
}
