import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../log.js'
import { locateInstallation, makeDataDir } from './data-folder.js'
import { createInstallation } from './installation.js'
import { launchPostgres, type RunningPostgres } from './launch.js'
import { findServer, waitUntilMemoryIsFree } from './postmaster.js'
import { isPidInUse } from './process-identity.js'
import { acquireProcessLock, LockHeld, type ProcessLock } from './process-lock.js'
import { stopProcess, stopServer } from './stop.js'

export interface EmbeddedPostgresOptions {
  /** Holds everything that must survive a restart; made if missing. */
  dataDir: string
  log: Log
  /** Called when Postgres ends without having been asked to; the service can't go on then. */
  onExit?: (error: Error) => void
}

export interface EmbeddedPostgres {
  /** With the password of the superuser `latchkey`, to the database `latchkey`. */
  url: string
  /** The absolute path of the data folder. */
  dataDir: string
  /** Shuts Postgres down and resolves when it is gone. May be called more than once. */
  stop(): Promise<void>
}

/**
 * Starts a Postgres of our own, initialised at the first start, for this process alone. It listens on 127.0.0.1 only
 * and admits nobody without its generated password.
 *
 * @throws if another process uses the folder, or Postgres does not start: the message says what to do
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = await makeDataDir(options.dataDir)
  const lock = await lockDataFolder(dataDir)
  try {
    const running = await start(dataDir, options.log)
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
      `Process ${error.pid} runs Latchkey on ${dataDir} already, and embedded mode is for one process. ` +
        'Stop that one, use another folder, or set DATABASE_URL and REDIS_URL to run several.',
      { cause: error },
    )
  }
}

async function start(dataDir: string, log: Log): Promise<RunningPostgres> {
  await stopOrphan(join(dataDir, 'postgres'), log)
  const installation = await locateInstallation(dataDir, log)
  if (!existsSync(installation.folder)) await createInstallation(installation)
  return launchPostgres(installation, { logFile: join(dataDir, 'postgres.log') })
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

/**
 * Ends the Postgres that a killed process of ours may have left running on this cluster folder. Only the holder of the
 * data folder's lock may call this.
 */
async function stopOrphan(folder: string, log: Log): Promise<void> {
  const server = await findServer(folder)
  if (server === undefined) return
  if (server.process !== undefined) {
    log.warn(`Ending the Postgres (process ${server.pid}) that a killed Latchkey left running.`)
    await stopProcess(server.process)
  }
  await waitUntilMemoryIsFree(server)
  // The pid may be another program's by now, or a zombie's. Postgres looks no further than whether there is one, and
  // would refuse to start.
  if (isPidInUse(server.pid)) await rm(server.file, { force: true })
}
