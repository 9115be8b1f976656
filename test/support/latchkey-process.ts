import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { compiledPath } from './compiled-path.js'

export interface LatchkeyOptions {
  args?: readonly string[]
  /** Its whole environment, apart from PATH: no variable of the tests is passed on. */
  env?: NodeJS.ProcessEnv
  cwd?: string
  /** The cli.js of another build than the bundle of the compiled sources. */
  program?: string
  /** The user that it runs as, if the tests run as root. */
  uid?: number
  /** Whether its standard input is a pipe, for the test to write to. */
  input?: boolean
  /** A file for its standard output, instead of a pipe to the test. */
  output?: number
}

export interface LatchkeyProcess {
  child: ChildProcess
  pid: number
  /** What it has written to standard output so far. */
  stdout(): string
  stderr(): string
  /** Its exit code, or the signal that ended it. */
  exited: Promise<number | NodeJS.Signals>
}

/** The compiled program in few files (bundle-cli.mjs). */
const BUNDLE = fileURLToPath(new URL('../../.test-build/bundle/cli.mjs', import.meta.url))
/** The edge, which has a bundle of its own beside the compiled sources. */
const SOURCES = compiledPath('src/cli.ts')

/** Spawns the program `latchkey` in its own process group, as a shell does. */
export function spawnLatchkey({
  args = [],
  env = {},
  cwd,
  program = args.includes('edge') ? SOURCES : BUNDLE,
  uid,
  input,
  output,
}: LatchkeyOptions): LatchkeyProcess {
  const variables = Object.entries({ PATH: process.env.PATH, ...env }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  )
  // tap adds its loader to the environment of every Node process that a test spawns; env -i removes it.
  const child = spawn('/usr/bin/env', ['-i', ...variables, process.execPath, program, ...args], {
    ...(cwd !== undefined && { cwd }),
    ...(uid !== undefined && { uid, gid: uid }),
    detached: true,
    stdio: [input ? 'pipe' : 'ignore', output ?? 'pipe', 'pipe'],
  })
  const written = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      written[name] += text
    })
  }
  // The event `close`, not `exit`: only then all of its output has arrived.
  const exited = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals)
  return { child, pid: child.pid!, stdout: () => written.stdout, stderr: () => written.stderr, exited }
}
