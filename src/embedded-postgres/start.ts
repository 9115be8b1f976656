import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../lib/log.js'
import { locateInstallation, makeDataDir } from './data-folder.js'
import { isNotInstalled } from './incomplete-installation.js'
import { createInstallation } from './installation.js'
import { launchPostgres, type RunningPostgres } from './launch.js'
import { findServer, waitUntilMemoryIsFree } from './postmaster.js'
import { acquireProcessLock, isPidInUse, LockHeld, type ProcessLock } from './process-lock.js'
import { stopProcess, stopServer } from './stop.js'

export interface EmbeddedPostgresOptions {
  /** Contains everything that must survive a restart. Created if it is missing. */
  dataDir: string
  log: Log
  /** Called when Postgres ends although `stop` was not called. The service cannot continue then. */
  onExit?: (error: Error) => void
  /** Called when one of Postgres' programs runs: until it has finished, this process only waits. */
  onSpawned?: () => void
}

export interface EmbeddedPostgres {
  /** The address of the database `latchkey`, with the password of the superuser `latchkey`. */
  url: string
  /** The absolute path of the data folder. */
  dataDir: string
  /** Shuts Postgres down and resolves when it has ended. May be called more than once. */
  stop(): Promise<void>
}

/**
 * Starts a Postgres for this process only, and creates its database at the first start. It listens on 127.0.0.1 only
 * and accepts no connection without its generated password.
 *
 * @throws if another process uses the folder, or Postgres does not start: the message says what to do
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = await makeDataDir(options.dataDir)
  const lock = await lockDataFolder(dataDir)
  try {
    const running = await start(dataDir, options)
    return { url: running.url, dataDir, stop: stopper(running, lock, options) }
  } catch (error) {
    await lock.release()
    throw error
  }
}

async function lockDataFolder(dataDir: string): Promise<ProcessLock> {
  try {
    return await acquireProcessLock(join(dataDir, 'latchkey.pid'))
  } catch (error) {
    if (!(error instanceof LockHeld)) throw error
    throw new Error(
      `Process ${error.pid} already runs Latchkey on ${dataDir}, and embedded mode allows one process only. ` +
        'Stop that process, set DATA_DIR to another folder, or set DATABASE_URL and REDIS_URL to run several.',
      { cause: error },
    )
  }
}

async function start(
  dataDir: string,
  { log, onSpawned }: Pick<EmbeddedPostgresOptions, 'log' | 'onSpawned'>,
): Promise<RunningPostgres> {
  await stopOrphan(join(dataDir, 'postgres'), log)
  const installation = await locateInstallation(dataDir, log)
  if (await isNotInstalled(installation.folder)) await createInstallation(installation, { onSpawned })
  return launchPostgres(installation, { logFile: join(dataDir, 'postgres.log'), onSpawned })
}

/**
 * Stops the Postgres that a killed Latchkey process may have left running on this folder. Only the process that holds
 * the lock of the data folder may call this.
 */
async function stopOrphan(folder: string, log: Log): Promise<void> {
  const server = await findServer(folder)
  if (server === undefined) return
  if (server.process !== undefined) {
    log.warn(`Stopping the Postgres (process ${server.pid}) that was still running after its Latchkey was killed.`)
    await stopProcess(server.process)
  }
  await waitUntilMemoryIsFree(server)
  // The pid may now belong to another program or to a zombie. Postgres checks only whether the pid exists, and would
  // refuse to start.
  if (isPidInUse(server.pid)) await rm(server.file, { force: true })
}

function stopper({ child }: RunningPostgres, lock: ProcessLock, { log, onExit }: EmbeddedPostgresOptions) {
  const onUnexpectedExit = (code: number | null, signal: string | null) => {
    const error = new Error(`The embedded Postgres ended unexpectedly with ${signal ?? `code ${code}`}.`)
    log.error(error.message)
    onExit?.(error)
  }
  child.once('exit', onUnexpectedExit)

  let stopped: Promise<void> | undefined
  return () => {
    child.off('exit', onUnexpectedExit)
    stopped ??= stopServer(child).then(() => lock.release())
    return stopped
  }
}
