import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { hasEnded } from '../../../src/embedded-postgres/stop.js'
import type { Program } from './debian-program.js'

const TIMEOUT_MS = 10_000

export interface ProgramRun {
  args: readonly string[]
  /** A folder for this program alone; its log is written there. */
  folder: string
  env?: NodeJS.ProcessEnv
  /** Whether the server is ready; asked until it is. */
  answers: () => Promise<boolean>
}

/**
 * Starts a server program and waits until it answers; it ends with the test.
 *
 * @returns its process
 * @throws Error with its log, if it ends or does not answer in time
 */
export async function runProgram(t: Test, { path, libraryPath }: Program, run: ProgramRun): Promise<ChildProcess> {
  const logFile = join(run.folder, 'log')
  const log = await open(logFile, 'a')
  const env = { ...process.env, ...run.env, ...(libraryPath !== undefined && { LD_LIBRARY_PATH: libraryPath }) }
  const child = spawn(path, run.args, { stdio: ['ignore', log.fd, log.fd], env, cwd: run.folder })
  await once(child, 'spawn')
  await log.close()
  t.teardown(async () => {
    if (hasEnded(child)) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  })

  const deadline = Date.now() + TIMEOUT_MS
  while (!(await run.answers())) {
    if (hasEnded(child) || Date.now() > deadline) {
      throw new Error(`${path} did not start:\n${await readFile(logFile, 'utf8')}`)
    }
    await sleep(20)
  }
  return child
}
