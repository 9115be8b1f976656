import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../log.js'
import { endOrphan } from './end-orphan.js'
import { initialiseCluster } from './initialise-cluster.js'
import { launchPostgres, type RunningPostgres } from './launch-postgres.js'
import { makeDataDir } from './make-data-dir.js'
import { placeCluster } from './place-cluster.js'
import { acquireProcessLock, LockHeld, type ProcessLock } from './process-lock.js'
import { stopServer } from './stop-server.js'

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
  const lock = await claim(dataDir)
  try {
    const running = await start(dataDir, options.log)
    return { url: running.url, dataDir, stop: stopper(running, lock, options) }
  } catch (error) {
    await lock.release()
    throw error
  }
}

async function claim(dataDir: string): Promise<ProcessLock> {
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
  await endOrphan(join(dataDir, 'postgres'), log)
  const cluster = await placeCluster(dataDir, log)
  if (!(await exists(cluster.folder))) await initialiseCluster(cluster)
  return launchPostgres(cluster, { logFile: join(dataDir, 'postgres.log') })
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

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
