import { type LatchkeyOptions, spawnLatchkey } from './latchkey-process.js'

export interface CommandResult {
  code: number | NodeJS.Signals
  stdout: string
  stderr: string
}

const TIMEOUT_MS = 30_000

/** Runs a command of the program `latchkey`, such as `['keys', 'list']`, and waits until it ends. */
export async function runLatchkey(args: readonly string[], options: Omit<LatchkeyOptions, 'args'> = {}) {
  const { child, exited, stdout, stderr } = spawnLatchkey({ ...options, args })
  const impatience = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS)
  const code = await exited
  clearTimeout(impatience)
  return { code, stdout: stdout(), stderr: stderr() } satisfies CommandResult
}
