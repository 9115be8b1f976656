import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import type { Test } from 'tap'
import { until } from '../support/eventually.js'
import { findFreePort } from '../support/free-port.js'

export const SPA = resolve(import.meta.dirname, '../../examples/spa')

/** The first start compiles Latchkey and creates a database. */
const START_TIMEOUT_MS = 90_000

export interface SpaPorts {
  page: number
  latchkey: number
  notes: number
}

export async function findSpaPorts(): Promise<SpaPorts> {
  return { page: await findFreePort(), latchkey: await findFreePort(), notes: await findFreePort() }
}

export interface SpaProcess {
  child: ChildProcess
  output(): string
  /** Its exit code. */
  exited: Promise<number | null>
}

/** Runs start.mjs as `npm start` does. It gets Ctrl-C at the end of the test. */
export function spawnSpa(t: Test, ports: SpaPorts, dataDir: string, args: readonly string[] = []): SpaProcess {
  const { PATH, HOME } = process.env
  const child = spawn(process.execPath, [join(SPA, 'start.mjs'), ...args], {
    cwd: SPA,
    env: {
      PATH,
      HOME,
      PAGE_PORT: `${ports.page}`,
      LATCHKEY_PORT: `${ports.latchkey}`,
      NOTES_PORT: `${ports.notes}`,
      DATA_DIR: dataDir,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', chunk => {
      output += chunk
    })
  }
  const exited = once(child, 'close').then(([code]) => code)
  t.teardown(async () => {
    child.kill('SIGINT')
    await exited
  })
  return { child, output: () => output, exited }
}

/** Starts the example, and resolves when it says that the page is ready. */
export async function startSpa(t: Test, ports: SpaPorts, dataDir: string, args?: readonly string[]) {
  const spa = spawnSpa(t, ports, dataDir, args)
  let hasExited = false
  void spa.exited.then(() => {
    hasExited = true
  })
  const isReady = () => hasExited || spa.output().includes('The page is ready at')
  await until(isReady, 'the example is ready', START_TIMEOUT_MS)
  if (hasExited) throw new Error(`The example does not start:\n${spa.output()}`)
  return spa
}
