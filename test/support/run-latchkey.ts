import { type LatchkeyOptions, spawnLatchkey } from './latchkey-process.js'

export interface CommandResult {
  code: number | NodeJS.Signals
  stdout: string
  stderr: string
}

const TIMEOUT_MS = 30_000

/**
 * Runs a command of the program `latchkey`, such as `['keys', 'list']`, and waits until it ends. Leaves out the line
 * that names the database, which test/cli/which-database.test.ts checks.
 */
export async function runLatchkey(args: readonly string[], options: Omit<LatchkeyOptions, 'args'> = {}) {
  const result = await runCommand(args, options)
  return { ...result, stderr: result.stderr.replace(/^Database: .*\n/, '') } satisfies CommandResult
}

/** As {@link runLatchkey}, with all output. */
export async function runCommand(args: readonly string[], options: Omit<LatchkeyOptions, 'args'> = {}) {
  const { child, exited, stdout, stderr } = spawnLatchkey({ ...options, args })
  const impatience = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS)
  const code = await exited
  clearTimeout(impatience)
  return { code, stdout: stdout(), stderr: stderr() } satisfies CommandResult
}
