import { existsSync } from 'node:fs'
import { basename, join, relative, resolve } from 'node:path'
import type { Config } from '../config/config.js'

type Print = (text: string) => void

/** Tells a person at a terminal what the service does, from the first moment of its start. */
export interface StartMessages {
  starting(): void
  ready(): void
}

/** @param print writes a line */
export function startMessages(
  config: Config,
  print: Print = text => void process.stdout.write(`${text}\n`),
): StartMessages {
  return {
    starting: () => print(whatStarts(config)),
    ready() {
      print(`Latchkey is ready at ${config.publicUrl} after ${(performance.now() / 1000).toFixed(1)} s.`)
      print('')
      for (const [name, text] of rows(config)) print(`  ${name.padEnd(15)}${text}`)
      print('')
    },
  }
}

function whatStarts(config: Config): string {
  if (config.mode === 'external') return 'Connecting to Postgres and Redis…'
  const folder = resolve(config.dataDir)
  const isFirst = !existsSync(join(folder, 'postgres'))
  return `Starting Postgres in ${folder}${isFirst ? ' (first start: creates the database)' : ''}…`
}

function rows(config: Config): [name: string, text: string][] {
  const isEmbedded = config.mode === 'embedded'
  return [
    ...(config.accountPage.enabled ? [['Account page', `${config.publicUrl}/account`] as [string, string]] : []),
    ['API', `${config.publicUrl}/docs`],
    [
      'Data',
      isEmbedded
        ? `${resolve(config.dataDir)}: Postgres and the secrets. For one process, not for production`
        : 'in the Postgres of DATABASE_URL and the Redis of REDIS_URL',
    ],
    ['Administrator', `${commandPrefix()} users create you@example.com --role admin`],
    ['Stop', 'Ctrl-C'],
  ]
}

/** How to run another command with the same settings: as this process was started. */
function commandPrefix(): string {
  const program = process.argv[1] ?? 'dist/cli.js'
  const dataDir = process.env.DATA_DIR ? `DATA_DIR=${quoted(process.env.DATA_DIR)} ` : ''
  if (basename(program) === 'latchkey') return `${dataDir}latchkey`
  const runner = program.endsWith('.ts') ? 'npx tsx' : 'node'
  return `${dataDir}${runner} ${quoted(relative(process.cwd(), program) || program)}`
}

function quoted(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
