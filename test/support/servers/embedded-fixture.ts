import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { rootOwnedDirOf } from '../../../src/embedded-postgres/native-programs.js'
import { identifyProcess, type ProcessIdentity, stillRuns } from '../../../src/embedded-postgres/process-lock.js'
import { compiledPath } from '../compiled-path.js'
import { makeThrowawayFolder } from './throwaway-folder.js'

/** Makes a folder that is removed after the test, with what root may have put elsewhere for the `.latchkey` in it. */
export async function makeFolder(t: Test, options: { mode?: number } = {}): Promise<string> {
  const folder = await makeThrowawayFolder('latchkey embedded-')
  await chmod(folder, options.mode ?? 0o755)
  t.teardown(async () => {
    const dataDir = join(folder, '.latchkey')
    await rm(await rootOwnedDirOf(dataDir).catch(() => `${folder}/none`), { recursive: true, force: true })
    await rm(folder, { recursive: true, force: true })
  })
  return folder
}

/** The running Postgres of this folder. */
export async function postgresOf(folder: string): Promise<ProcessIdentity> {
  const pidFile = await readFile(join(folder, 'data', 'postmaster.pid'), 'utf8')
  const identity = identifyProcess(Number(pidFile.split('\n')[0]))
  if (identity === undefined) throw new Error(`No Postgres runs on ${folder}.`)
  return identity
}

/** Resolves when the process has ended. The only time limit is that of the test. */
export async function ended(identity: ProcessIdentity): Promise<void> {
  while (stillRuns(identity)) await sleep(10)
}

export interface FirstLine {
  url?: string
  dataDir?: string
  error?: string
}

export interface EmbeddedProcess {
  pid: number
  /** What it printed: its url, or why it did not start. */
  said: Promise<FirstLine>
  /** Its exit code, null after a signal. */
  exited: Promise<number | null>
}

/** Runs embedded-process.ts in its own process group, as a shell does. */
export function spawnEmbedded(t: Test, dataDir: string): EmbeddedProcess {
  const child = spawn(process.execPath, [compiledPath('test/support/servers/embedded-process.ts'), dataDir], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH },
  })
  const exited = once(child, 'exit').then(([code]) => code as number | null)
  t.teardown(async () => {
    child.kill('SIGINT')
    await exited
  })
  const said = firstLine(child)
  // A test that kills it before it has printed anything does not await this.
  said.catch(() => {})
  return { pid: child.pid!, said, exited }
}

/** What embedded-process.ts prints once it runs, or if it cannot start. */
export async function firstLine(child: ChildProcess): Promise<FirstLine> {
  const line = once(createInterface(child.stdout!), 'line').then(([text]) => JSON.parse(text as string) as FirstLine)
  const end = once(child, 'close').then(() => Promise.reject(new Error('It ended without output.')))
  return Promise.race([line, end])
}
