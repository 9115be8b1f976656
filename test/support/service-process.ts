import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { findFreePort } from './free-port.js'
import { type LatchkeyOptions, type LatchkeyProcess, spawnLatchkey } from './latchkey-process.js'

/** The service as a separate process, ready for requests. */
export interface ServiceProcess {
  url: string
  pid: number
  /** The time from its start to its first answer that it is ready. */
  readyAfterMs: number
  /** What it has written so far, to stdout and then to stderr. */
  output(): string
  /** Its exit code, or the signal that ended it. */
  exited: Promise<number | NodeJS.Signals>
  /** Sends a signal and resolves with the exit code, or with the signal that ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>
  /** Sends SIGINT to the whole process group, as Ctrl-C in a terminal does. */
  interrupt(): Promise<number | NodeJS.Signals>
  /** Ends it with SIGKILL, as in a crash. */
  kill(): Promise<number | NodeJS.Signals>
}

const TIMEOUT_MS = 30_000
const POLL_INTERVAL_MS = 20

/**
 * Starts `latchkey serve` on a free port and waits until it is ready. Its whole process group ends with the test.
 *
 * @throws Error with its output, if it ends or is not ready in time
 */
export async function startService(t: Test, options: LatchkeyOptions = {}): Promise<ServiceProcess> {
  const port = options.env?.PORT ?? String(await findFreePort())
  const startedAt = performance.now()
  const latchkey = spawnLatchkey({ args: ['serve'], ...options, env: { ...options.env, PORT: port } })
  const { pid, exited } = latchkey
  const output = () => latchkey.stdout() + latchkey.stderr()
  const url = `http://127.0.0.1:${port}`
  t.teardown(() => endGroup(latchkey))
  await untilReady(url, latchkey)

  const stop = (signal: NodeJS.Signals = 'SIGTERM') => {
    process.kill(pid, signal)
    return exited
  }
  return {
    url,
    pid,
    readyAfterMs: Math.round(performance.now() - startedAt),
    output,
    exited,
    stop,
    kill: () => stop('SIGKILL'),
    interrupt() {
      process.kill(-pid, 'SIGINT')
      return exited
    },
  }
}

async function untilReady(url: string, { exited, stdout, stderr }: LatchkeyProcess): Promise<void> {
  let ended = false
  void exited.then(() => {
    ended = true
  })
  const deadline = Date.now() + TIMEOUT_MS
  for (;;) {
    const response = await fetch(`${url}/readyz`, { headers: { connection: 'close' } }).catch(() => undefined)
    await response?.arrayBuffer()
    if (response?.status === 200) return
    if (ended) throw new Error(`The service ended at its start:\n${stdout()}${stderr()}`)
    if (Date.now() > deadline) throw new Error(`The service is not ready:\n${stdout()}${stderr()}`)
    await sleep(POLL_INTERVAL_MS)
  }
}

/** SIGINT first, so that an embedded Postgres has ended before its folder is removed; then SIGKILL to the rest. */
async function endGroup({ child, pid, exited }: LatchkeyProcess): Promise<void> {
  child.kill('SIGINT')
  const impatience = setTimeout(() => child.kill('SIGKILL'), 5000)
  await exited
  clearTimeout(impatience)
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // The group has no process left.
  }
}
