import { createRequire } from 'node:module'
import { Command } from 'commander'
import { addClientCommands } from './clients.js'
import { addDoctorCommand } from './doctor.js'
import { addEdgeCommand } from './edge.js'
import { addEventsCommand } from './events.js'
import { checkOutput, EXIT, hintAtHelp, reportError } from './exit-codes.js'
import { HELP_OF_EXIT_CODES } from './help.js'
import { addKeyCommands } from './keys.js'
import { addMigrateCommand } from './migrate.js'
import { refuseRepeatedOptions } from './options.js'
import { surviveOutputErrors, useJson } from './output.js'
import { addSessionCommands, addSignOutEveryoneCommand } from './sessions.js'
import { addSignalCommands } from './signals.js'
import { addUserCommands } from './users.js'
import { addVerifierCommands } from './verifiers.js'
import { addWebhookCommands } from './webhooks.js'

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }

const args = kidsLast(process.argv.slice(2))
const isJson = args.slice(0, args.indexOf('--') === -1 ? undefined : args.indexOf('--')).includes('--json')
useJson(isJson)
surviveOutputErrors()

const program = new Command('latchkey')
  .description('Auth and session microservice, configured by environment variables (docs/configuration.md).')
  .version(version)
  .option('--embedded', 'use the embedded Postgres and no Redis, even if DATABASE_URL or REDIS_URL is set')
  .option('--json', 'print the result as one JSON document, and errors as JSON')
  .addHelpText('after', `\n${HELP_OF_EXIT_CODES}`)
  .configureHelp({ showGlobalOptions: true })
  .exitOverride()
// Errors are JSON too: reportError writes them.
if (isJson) program.configureOutput({ writeErr() {}, outputError() {} })

program
  .command('serve')
  .description('run the service until it receives a signal')
  .action(async () => (await import('../server/serve.js')).serve(await configure({ mayCreate: true })))

addEdgeCommand(program)
addMigrateCommand(program, () => configure({ mayCreate: true }))
addUserCommands(program, configure)
addSessionCommands(program, configure)
addSignOutEveryoneCommand(program, configure)
addEventsCommand(program, configure)
addClientCommands(program, configure)
addKeyCommands(program, configure)
addVerifierCommands(program, configure)
addWebhookCommands(program, configure)
addSignalCommands(program, configure)
addDoctorCommand(program, configure)
refuseRepeatedOptions(program)
hintAtHelp(program)

/** The commands that change nothing. */
const READING = new Set(['list', 'show', 'sessions', 'events', 'tail', 'check-emails', 'doctor', 'failed', 'test'])

program.hook('postAction', async (_, command) => {
  // A service continues without its first lines.
  if (command.name() !== 'serve' && command.name() !== 'edge') await checkOutput(!READING.has(command.name()))
})

try {
  await program.parseAsync(args, { from: 'user' })
} catch (error) {
  let code = reportError(error)
  // The help was asked for.
  if (code === EXIT.ok) code = await checkOutput(false).then(() => EXIT.ok, reportError)
  // Exit at once: something that a failed start left open could keep the process running.
  process.exit(code)
}

/** Moves key ids behind `--`: they are 43 characters of base64url, and one that begins with a hyphen is not an option. */
function kidsLast(args: readonly string[]): string[] {
  const isKid = (arg: string) => /^-[\w-]{42}$/.test(arg)
  if (!args.includes('revoke') || !args.some(isKid)) return [...args]
  return [...args.filter(arg => !isKid(arg)), '--', ...args.filter(isKid)]
}

async function configure({ mayCreate = false } = {}) {
  const { loadConfig } = await import('./load-config.js')
  return loadConfig(process.env, { embedded: program.opts().embedded === true, mayCreate })
}
