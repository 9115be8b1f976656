import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { compiledPath } from './compiled-path.js'

export interface LatchkeyOptions {
  args?: readonly string[]
  /** All of its environment but the PATH: nothing of the tests' own leaks in. */
  env?: NodeJS.ProcessEnv
  cwd?: string
  /** Another build than the sources: its cli.js. */
  program?: string
  /** Whom root runs it as. */
  uid?: number
  /** Whether its standard input is a pipe, for the test to write to. */
  input?: boolean
}

export interface LatchkeyProcess {
  child: ChildProcess
  pid: number
  /** What it has written so far. */
  stdout(): string
  stderr(): string
  /** Its exit code, or the signal that ended it. */
  exited: Promise<number | NodeJS.Signals>
}

const SOURCES = compiledPath('src/cli.ts')

/** Spawns the real program, in a process group of its own as a shell does with what is typed into it. */
export function spawnLatchkey({
  args = [],
  env = {},
  cwd,
  program = SOURCES,
  uid,
  input,
}: LatchkeyOptions): LatchkeyProcess {
  const variables = Object.entries({ PATH: process.env.PATH, ...env }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  )
  // tap adds a loader of its own to the environment of every Node that is spawned, which makes it another program.
  const child = spawn('/usr/bin/env', ['-i', ...variables, process.execPath, program, ...args], {
    ...(cwd !== undefined && { cwd }),
    ...(uid !== undefined && { uid, gid: uid }),
    detached: true,
    stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  })
  const written = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]!.setEncoding('utf8').on('data', (text: string) => {
      written[name] += text
    })
  }
  // Closed rather than ended: all that it wrote has arrived then.
  const exited = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals)
  return { child, pid: child.pid!, stdout: () => written.stdout, stderr: () => written.stderr, exited }
}
