#!/usr/bin/env node
import { createRequire } from 'node:module'
import { Command } from 'commander'
import { addClientCommands } from './cli/clients.js'
import { addKeyCommands } from './cli/keys.js'
import { addMigrateCommand } from './cli/migrate.js'
import { reportError } from './cli/output.js'
import { addSignOutEveryoneCommand, addUserCommands } from './cli/users.js'

const { version } = createRequire(import.meta.url)('../package.json') as { version: string }

const program = new Command('latchkey')
  .description('Auth and session microservice, configured by environment variables (docs/configuration.md).')
  .version(version)
  .option('--embedded', 'start an embedded Postgres and use no Redis, even if DATABASE_URL or REDIS_URL is set')
  .showHelpAfterError('(latchkey --help lists the commands)')
  .exitOverride()

program
  .command('serve')
  .description('run the service until it receives a signal; this is the default command')
  .action(async () => (await import('./server/serve.js')).serve(await configure()))

addMigrateCommand(program, configure)
addKeyCommands(program, configure)
addSignOutEveryoneCommand(program, configure)
addUserCommands(program, configure)
addClientCommands(program, configure)

try {
  const args = kidsLast(process.argv.slice(2))
  const { operands, unknown } = program.parseOptions(args)
  const isBare = operands.length + unknown.length === 0
  await program.parseAsync(isBare ? [...args, 'serve'] : args, { from: 'user' })
} catch (error) {
  // Exit at once: something that a failed start left open could keep the process running.
  process.exit(reportError(error))
}

/** Moves key ids behind `--`: they are 43 characters of base64url, and one that begins with a hyphen is not an option. */
function kidsLast(args: readonly string[]): string[] {
  const isKid = (arg: string) => /^-[\w-]{42}$/.test(arg)
  if (!args.includes('revoke') || !args.some(isKid)) return [...args]
  return [...args.filter(arg => !isKid(arg)), '--', ...args.filter(isKid)]
}

async function configure() {
  const { loadConfig } = await import('./cli/load-config.js')
  return loadConfig(process.env, { embedded: program.opts().embedded === true })
}
