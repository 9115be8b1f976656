import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { locateInstallation } from '../../src/embedded-postgres/data-folder.js'
import { createInstallation, dataFolder, type Installation } from '../../src/embedded-postgres/installation.js'
import { launchPostgres } from '../../src/embedded-postgres/launch.js'
import { rootOwnedDirOf } from '../../src/embedded-postgres/native-programs.js'
import { changeOwner } from '../../src/embedded-postgres/server-user.js'
import { hasEnded, stopServer } from '../../src/embedded-postgres/stop.js'
import { codeOf } from '../../src/lib/error-facts.js'
import { eventually } from './eventually.js'
import { quietLog } from './servers/quiet-log.js'
import { THROWAWAY_SETTINGS } from './servers/start-shared-servers.js'
import { makeThrowawayFolder } from './servers/throwaway-folder.js'

export interface ControlledPostgresOptions {
  /** The same for each start; if not given, each start is on another port. */
  port?: number
  settings?: Readonly<Record<string, string>>
}

/** A Postgres for one test, which kills, freezes, restarts and copies it. */
export interface ControlledPostgres {
  readonly url: string
  readonly data: string
  stop(): Promise<void>
  /** Sends SIGKILL, as in a crash. */
  kill(): Promise<void>
  start(): Promise<void>
  /** Stops the server and all its processes with SIGSTOP, until `thaw`. */
  freeze(): Promise<void>
  thaw(): Promise<void>
  /** Copies its data folder to a second server, which is not started. Stop this one before. */
  copy(options?: ControlledPostgresOptions): Promise<ControlledPostgres>
}

/** Starts a Postgres, which ends with the test. */
export async function controlPostgres(t: Test, options: ControlledPostgresOptions = {}): Promise<ControlledPostgres> {
  const folder = await makeFolder(t)
  const installation = await locateInstallation(folder, quietLog())
  await createInstallation(installation, { sync: false })
  const postgres = control(t, installation, join(folder, 'postgres.log'), options)
  await postgres.start()
  return postgres
}

function control(
  t: Test,
  installation: Installation,
  logFile: string,
  { port, settings: more }: ControlledPostgresOptions,
): ControlledPostgres {
  let child: ChildProcess | undefined
  let url = ''
  const signal = async (name: NodeJS.Signals) => {
    const children = await childrenOf(child!.pid!)
    process.kill(child!.pid!, name)
    for (const pid of children) {
      try {
        process.kill(pid, name)
      } catch (error) {
        // The process of a connection that was closed a moment ago has ended.
        if (codeOf(error) !== 'ESRCH') throw error
      }
    }
  }
  const stop = async () => {
    if (child === undefined || hasEnded(child)) return
    await signal('SIGCONT')
    await stopServer(child)
  }
  t.teardown(stop)

  return {
    get url() {
      return url
    },
    data: dataFolder(installation),
    stop,
    async kill() {
      const exit = once(child!, 'exit')
      await signal('SIGKILL')
      await exit
    },
    async start() {
      // After a kill, commits must still be there, as with the settings of any server.
      const settings = { ...THROWAWAY_SETTINGS, synchronous_commit: 'on', ...more }
      // A server that was killed leaves memory behind for a moment, which keeps the next from starting.
      const started = await eventually(() => launchPostgres(installation, { logFile, settings, port }))
      child = started.child
      url = started.url
    },
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    async copy(options = {}) {
      const folder = await makeFolder(t)
      const other = await locateInstallation(folder, quietLog())
      await cp(installation.folder, other.folder, { recursive: true })
      // A copy is root's, and the server runs as somebody else.
      if (other.user !== undefined) changeOwner(dataFolder(other), other.user, () => true)
      await chmod(dataFolder(other), 0o700)
      return control(t, other, join(folder, 'postgres.log'), options)
    },
  }
}

async function makeFolder(t: Test): Promise<string> {
  const folder = await makeThrowawayFolder('latchkey-postgres-')
  const rootOwnedDir = await rootOwnedDirOf(folder)
  t.teardown(async () => {
    await rm(folder, { recursive: true, force: true })
    await rm(rootOwnedDir, { recursive: true, force: true })
  })
  return folder
}

/** The pids of the child processes of a process. Needs /proc. */
export async function childrenOf(pid: number): Promise<number[]> {
  const found: number[] = []
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const stat = await readFile(`/proc/${entry}/stat`, 'latin1').catch(() => '')
    // The name in parentheses may contain any character; the state and the parent's pid follow it.
    if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid) found.push(Number(entry))
  }
  return found
}
