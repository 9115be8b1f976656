import { createVerifier, type VerifierOptions, type VerifierStatus } from '@latchkey/verifier'
import type { Test } from 'tap'
import { compiledPath } from '../support/compiled-path.js'
import { spawnLatchkey } from '../support/latchkey-process.js'
import { type Episode, TokenWatch } from './token-watch.js'

/** What a verifier has answered and logged so far. */
export interface VerifierReport {
  episodes: [id: number, episodes: readonly Episode[]][]
  status: VerifierStatus
  lines: readonly string[]
}

/** A real verifier that verifies all given tokens all the time, as if each had a busy user. */
export interface WatchingVerifier {
  name: string
  maxStalenessSeconds: number
  watch(id: number, token: string): void
  report(): Promise<VerifierReport>
  close(): Promise<void>
}

export type WatchingOptions = VerifierOptions & { name: string; maxStalenessSeconds: number }

/** Starts a verifier in this process, and waits until it is ready. */
export async function watchHere(t: Test, options: WatchingOptions): Promise<WatchingVerifier> {
  const { name, maxStalenessSeconds } = options
  const lines: string[] = []
  const verifier = createVerifier({ log: logInto(lines), ...options })
  const watch = new TokenWatch(verifier)
  const close = () => {
    watch.stop()
    return verifier.close()
  }
  t.teardown(close)
  await verifier.ready({ timeoutMs: READY_MS })
  return {
    name,
    maxStalenessSeconds,
    watch: (id, token) => watch.watch(id, token),
    report: async () => ({ episodes: watch.episodes, status: verifier.status(), lines }),
    close,
  }
}

/** A generous limit: the machine may be busy. */
export const READY_MS = 60_000

/** A verifier in its own process, which a test can stop and whose clock it can shift. */
export interface VerifierProcess extends WatchingVerifier {
  pid: number
  signal(name: NodeJS.Signals): void
}

/**
 * Starts a verifier in its own process, and waits until it is ready.
 *
 * @param clockShiftMs how far the clock of the process is ahead of the true time
 */
export async function watchElsewhere(
  t: Test,
  { fetch: _fetch, log: _log, ...options }: WatchingOptions,
  clockShiftMs = 0,
): Promise<VerifierProcess> {
  const program = compiledPath('test/faults/verifier-program.ts')
  const { child, pid, exited, stderr } = spawnLatchkey({ program, input: true })
  const answers = new Map<string, (value: never) => void>()
  let rest = ''
  child.stdout!.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop()!
    for (const line of lines) {
      const { to, value } = JSON.parse(line)
      answers.get(to)?.(value as never)
      answers.delete(to)
    }
  })
  const tell = (what: string, value: unknown) => child.stdin!.write(`${JSON.stringify({ what, value })}\n`)
  let asked = 0
  const ask = <Value>(what: string, value: object = {}): Promise<Value> => {
    const to = String(asked++)
    const answer = new Promise<Value>(resolve => answers.set(to, resolve))
    tell(what, { ...value, to })
    const ended = exited.then((code): Value => {
      throw new Error(`the process of a verifier ended with ${code}: ${stderr()}`)
    })
    ended.catch(() => {})
    return Promise.race([answer, ended])
  }
  const close = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    process.kill(pid, 'SIGCONT')
    child.stdin!.end()
    const impatience = setTimeout(() => process.kill(pid, 'SIGKILL'), 5000)
    await exited
    clearTimeout(impatience)
  }
  child.stdin!.on('error', () => {})
  t.teardown(close)
  const problem = await ask<string | undefined>('start', { options, clockShiftMs, readyMs: READY_MS })
  if (problem) throw new Error(problem)
  return {
    name: options.name,
    maxStalenessSeconds: options.maxStalenessSeconds,
    pid,
    watch: (id, token) => tell('watch', { id, token }),
    report: () => ask('report'),
    close,
    signal: name => process.kill(pid, name),
  }
}

export function logInto(lines: string[]) {
  return {
    info: (message: string) => void lines.push(`info ${message}`),
    warn: (message: string) => void lines.push(`warn ${message}`),
    error: (message: string) => void lines.push(`error ${message}`),
  }
}
