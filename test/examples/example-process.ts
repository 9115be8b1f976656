import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'

export interface ExampleProcess {
  url: string
  child: ChildProcess
  /** What it has written so far, to stdout and to stderr. */
  output(): string
  /** Ends it, as in a crash. */
  kill(): Promise<void>
}

const START_TIMEOUT_MS = 30_000

/**
 * Starts an example that prints `ready at URL`. It is stopped at the end of the test.
 *
 * @param program `node` or a Python, and its arguments; the first is the file
 */
export async function startExampleProcess(
  t: Test,
  program: string,
  args: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
): Promise<ExampleProcess> {
  const variables = { PATH: process.env.PATH, PORT: '0', PYTHONDONTWRITEBYTECODE: '1', PYTHONUNBUFFERED: '1', ...env }
  const child = spawn(program, args, { cwd: dirname(args[0]), env: variables, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', chunk => {
      output += chunk
    })
  }
  const exited = once(child, 'close')
  const kill = async () => {
    child.kill('SIGKILL')
    await exited
  }
  t.teardown(kill)

  const deadline = Date.now() + START_TIMEOUT_MS
  for (;;) {
    const url = /ready at (\S+)/.exec(output)?.[1]
    if (url !== undefined) return { url, child, output: () => output, kill }
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`${args[0]} does not start:\n${output}`)
    await sleep(20)
  }
}
