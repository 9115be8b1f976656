import type { Command } from 'commander'
import type { AuthContext } from '../domain/context.js'
import { addChangingUserCommands } from './change-users.js'
import { EXIT, exitIncomplete } from './exit-codes.js'
import { withExamples } from './help.js'
import { repeatableOption } from './options.js'
import { isJson, print, printArray, printResult } from './output.js'
import { readPassword } from './read-password.js'
import { addReadingUserCommands } from './read-users.js'
import { addUserDataCommands } from './user-data.js'
import { ACTOR, type Configure, withContext, withDatabase } from './with-stores.js'

/** `latchkey users` */
export function addUserCommands(program: Command, configure: Configure): void {
  const users = program.command('users').description('manage accounts')
  addCreate(users, configure)
  addReadingUserCommands(users, configure)
  addChangingUserCommands(users, configure)
  addUserDataCommands(users, configure)

  const importing = users
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
  withExamples(importing, 'users import users.ndjson', 'users import --role-mapping roles.json -')

  const check = users
    .command('check-emails')
    .description('list accounts whose e-mail is not stored in the current form (docs/administration.md)')
    .action(async () =>
      withDatabase(await configure(), async ({ db }) => {
        const shared = await checkEmails({ db })
        const message = `${shared} ${shared === 1 ? 'account shares its' : 'accounts share their'} address with another one.`
        if (shared > 0) exitIncomplete(EXIT.incomplete, { code: 'incomplete', message })
      }),
    )
  withExamples(check, 'users check-emails')
}

interface CreateOptions {
  username?: string
  role?: string[]
  externalId?: string
  passwordStdin?: true
}

function addCreate(users: Command, configure: Configure): void {
  const create = users
    .command('create')
    .description(
      'create an account and print its temporary password once; the user must change it at the first sign-in',
    )
    .argument('<email>')
    .option('--username <name>', 'a second name for signing in')
    .option('--external-id <id>', 'the id of the account in another system')
    .addOption(repeatableOption('--role <role>', 'a role of the account; can be repeated', role => [role]))
    .option('--password-stdin', 'read a password from standard input instead; it does not have to be changed')
    .action(async (email: string, { role: roles, passwordStdin, ...names }: CreateOptions) => {
      // Before the stores are opened.
      const password = passwordStdin ? await readPassword() : undefined
      await withContext(await configure(), context => createAccount(context, { email, roles, ...names, password }))
    })
  withExamples(
    create,
    'users create ada@example.com --role admin',
    'users create ada@example.com --json',
    'users create ada@example.com --password-stdin < password.txt',
  )
}

interface Account {
  email: string
  username?: string | undefined
  externalId?: string | undefined
  roles?: string[] | undefined
  password?: string | undefined
}

async function createAccount(context: AuthContext, { password, ...account }: Account): Promise<void> {
  const [{ createUser, createUserWithPassword }, { getUser }, { adminUserView }] = await Promise.all([
    import('../domain/accounts/administer-users.js'),
    import('../domain/accounts/find-users.js'),
    import('../http/routes/admin/schemas.js'),
  ])
  const { id, email, temporaryPassword } =
    password === undefined
      ? await createUser(context, account, ACTOR)
      : { ...(await createUserWithPassword(context, { ...account, password }, ACTOR)), temporaryPassword: undefined }
  const user = isJson() ? adminUserView(await getUser(context, id)) : undefined
  printResult({ user, temporary_password: temporaryPassword }, () => {
    print(`Created the account ${email} with the id ${id}.`)
    if (temporaryPassword !== undefined) print(`Its temporary password, shown only now: ${temporaryPassword}`)
  })
}

/** @returns how many accounts share an address with another */
async function checkEmails(context: Pick<AuthContext, 'db'>): Promise<number> {
  const { findEarlierEmails } = await import('../domain/accounts/find-users.js')
  let [found, shared] = [0, 0]
  async function* counted() {
    for await (const earlier of findEarlierEmails(context)) {
      found++
      if (earlier.otherId !== undefined) shared++
      yield earlier
    }
  }
  if (isJson()) {
    await printArray(
      (async function* () {
        for await (const { id, email, form = null, otherId = null } of counted())
          yield { id, email, current_form: form, same_address_as: otherId }
      })(),
    )
    return shared
  }
  for await (const { id, email, form, otherId } of counted()) {
    if (otherId !== undefined)
      print(`${id} has the e-mail ${email}, which is the same address as the e-mail of ${otherId}.`)
    else if (form === undefined) print(`${id} has the e-mail ${email}, which is not a valid address any more.`)
    else
      print(
        `${id} has the e-mail ${email}; to store its current form, run: latchkey users rename ${id} --email ${form}`,
      )
  }
  if (found === 0) print('Every e-mail is stored in its current form.')
  return shared
}
