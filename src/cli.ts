#!/usr/bin/env node
import { createRequire } from 'node:module'
import { Command } from 'commander'
import { reportError } from './cli/report-error.js'

const { version } = createRequire(import.meta.url)('../package.json') as { version: string }

const program = new Command('latchkey')
  .description('Auth and session microservice. Its configuration is the environment: see docs/configuration.md.')
  .version(version)
  .option('--embedded', 'use a Postgres of its own and memory, whatever the environment says')
  .showHelpAfterError('(latchkey --help lists the commands)')
  .exitOverride()

program
  .command('serve')
  .description('run the service until a signal ends it (as latchkey alone does)')
  .action(async () => (await import('./server/serve.js')).serve(await configure()))

program
  .command('migrate')
  .description('bring the tables up to date and end')
  .action(async () => (await import('./cli/migrate.js')).migrateTables(await configure()))

const keys = program.command('keys').description('the keys that sign access tokens')
keys
  .command('list')
  .description('every key there ever was, the newest first')
  .action(async () => (await commands()).listKeys(await configure()))
keys
  .command('rotate')
  .description('make the next signing key; it signs once every verifier can know it')
  .option('--immediately', 'sign with it after some seconds, once every instance knows it')
  .action(async ({ immediately = false }: { immediately?: boolean }) =>
    (await commands()).rotateKeys(await configure(), { immediately }),
  )

keys
  .command('revoke')
  .description('revoke a compromised key: all that it signed is refused, and another takes over')
  .argument('<kid>')
  .action(async (kid: string) => (await commands()).revokeKey(await configure(), kid))

program
  .command('sign-out-everyone')
  .description('end every session of every account')
  .action(async () => (await commands()).signOutEveryone(await configure()))

const users = program.command('users').description('accounts')
users
  .command('create')
  .description('make an account; its temporary password is printed once, and must be changed at the first sign-in')
  .argument('<email>')
  .option('--username <name>', 'a second name to sign in with')
  .option('--role <role>', 'a role of the account; may be given several times', collect)
  .action(async (email: string, { username, role: roles }: { username?: string; role?: string[] }) =>
    (await commands()).createUser(await configure(), { email, username, roles }),
  )
users
  .command('import')
  .description('take over accounts from another system: one JSON object a line (docs/importing-users.md)')
  .argument('<file>', 'or - for standard input')
  .option('--role-mapping <file>', 'a JSON object: from roles of the other system to a role, a list of roles, or null')
  .addHelpText(
    'after',
    '\nIt exits with 0 if every line is in, with 2 if lines were left out, and with 1 if it did not get to the end.',
  )
  .action(async (file: string, { roleMapping }: { roleMapping?: string }) =>
    (await commands()).importUsers(await configure(), file, roleMapping),
  )
users
  .command('roles')
  .description('set the roles of an account; its clients refresh and go on with them')
  .argument('<email or id>')
  .argument('[role...]', 'none takes all away')
  .action(async (name: string, roles: string[]) => (await commands()).setRoles(await configure(), name, roles))
users
  .command('check-emails')
  .description('list the accounts whose e-mail an earlier version stored in another form (docs/administration.md)')
  .action(async () => (await commands()).checkEmails(await configure()))
users
  .command('rename')
  .description('give an account another e-mail or username; its sessions go on')
  .argument('<email or id>')
  .option('--email <address>', 'a one-time token for a new password that was issued before ends')
  .option('--username <name>', 'one that looks like an e-mail must be that of the account')
  .option('--no-username', 'takes the username away')
  .action(async (name: string, { email, username }: { email?: string; username?: string | false }) => {
    if (email === undefined && username === undefined) program.error('error: give --email, --username or --no-username')
    const names = { email, username: username === false ? null : username }
    await (await commands()).renameUser(await configure(), name, names)
  })
users
  .command('reset-password')
  .description('print a one-time token with which the user sets a new password at /auth/reset-password')
  .argument('<email or id>')
  .action(async (name: string) => (await commands()).resetPassword(await configure(), name))
users
  .command('disable')
  .description('end every session of an account and refuse new ones')
  .argument('<email or id>')
  .action(async (name: string) => (await commands()).disableUser(await configure(), name))
users
  .command('enable')
  .description('let an account sign in again')
  .argument('<email or id>')
  .action(async (name: string) => (await commands()).enableUser(await configure(), name))

const clients = program.command('clients').description('other services that talk to this one')
clients
  .command('create')
  .description('give a service a client_id and a secret, which is printed once')
  .argument('<name>')
  .requiredOption('--scope <scopes>', 'what it may do, between commas: introspect, revocations, sessions, admin')
  .action(async (name: string, { scope }: { scope: string }) =>
    (await commands()).createClient(await configure(), { name, scopes: scope.split(/[\s,]+/).filter(Boolean) }),
  )
clients
  .command('list')
  .description('every client, with its client_id and its scopes')
  .action(async () => (await commands()).listClients(await configure()))
clients
  .command('rotate')
  .description('give a client a new secret, which is printed once; the old one and its tokens end')
  .argument('<name>')
  .action(async (name: string) => (await commands()).rotateClient(await configure(), name))
clients
  .command('remove')
  .description('remove a client; its tokens end, and the sessions that it opened')
  .argument('<name>')
  .action(async (name: string) => (await commands()).removeClient(await configure(), name))

try {
  const args = kidsLast(process.argv.slice(2))
  const { operands, unknown } = program.parseOptions(args)
  const isBare = operands.length + unknown.length === 0
  await program.parseAsync(isBare ? [...args, 'serve'] : args, { from: 'user' })
} catch (error) {
  // At once: whatever a failed start has left open must not keep the process.
  process.exit(reportError(error))
}

/** The name of a key, 43 characters of base64url, may begin with a hyphen and is no option all the same. */
function kidsLast(args: readonly string[]): string[] {
  const isKid = (arg: string) => /^-[\w-]{42}$/.test(arg)
  if (!args.includes('revoke') || !args.some(isKid)) return [...args]
  return [...args.filter(arg => !isKid(arg)), '--', ...args.filter(isKid)]
}

function commands() {
  return import('./cli/commands.js')
}

async function configure() {
  const { loadConfig } = await import('./cli/load-config.js')
  return loadConfig(process.env, { embedded: program.opts().embedded === true })
}

/** Not a variadic option: that would take the e-mail after it for a role. */
function collect(role: string, roles: readonly string[] = []): string[] {
  return [...roles, role]
}
