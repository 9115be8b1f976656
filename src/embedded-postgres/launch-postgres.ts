import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { type Cluster, dataFolder, dataPath, passwordFile, ROLE, spawnOptions } from './cluster.js'
import { endWithUs } from './end-with-us.js'
import { findFreePort } from './find-free-port.js'
import { folderSetting } from './postmaster-file.js'
import { stopServer } from './stop-server.js'
import { waitUntilReady } from './wait-until-ready.js'

export interface RunningPostgres {
  child: ChildProcess
  /** With the password, to the database `latchkey`. */
  url: string
}

export interface LaunchOptions {
  logFile: string
  /** Server settings that win over ours. */
  settings?: Readonly<Record<string, string>>
  /** Lets it run on when this process ends. Only the servers shared by all tests do. */
  outlivesUs?: boolean
}

const LOG_MAX_BYTES = 10 * 1024 * 1024
const LOG_TAIL_LINES = 20
const PORT_ATTEMPTS = 5

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  // The path of a socket may have 107 bytes, the folder we were given may have more.
  unix_socket_directories: '',
  max_connections: '50',
  shared_buffers: '64MB',
  max_wal_size: '256MB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  timezone: 'UTC',
  // The service hears of every failed statement itself. In the log, a statement's text and details could show e-mail
  // addresses and hashes.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
}

/** Starts the server on a free port of the loopback address and resolves when it answers a query. */
export async function launchPostgres(cluster: Cluster, options: LaunchOptions): Promise<RunningPostgres> {
  await truncateWhenBig(options.logFile)
  const password = await readFile(passwordFile(cluster), 'utf8')
  for (let attempt = 1; ; attempt++) {
    const port = await findFreePort()
    const logStart = await sizeOf(options.logFile)
    const child = await spawnPostgres(cluster, port, options)
    try {
      const url = `postgres://${ROLE}:${password}@127.0.0.1:${port}/${ROLE}`
      await waitUntilReady(child, dataFolder(cluster), url)
      return { child, url }
    } catch (error) {
      await stopServer(child)
      const tail = (await readFile(options.logFile)).subarray(logStart).toString()
      // Somebody took the port between our asking for a free one and the server's opening it.
      if (attempt < PORT_ATTEMPTS && tail.includes('could not create any TCP/IP sockets')) continue
      const lines = tail.trim().split('\n').slice(-LOG_TAIL_LINES).join('\n')
      const reason = error instanceof Error ? error.message : String(error)
      throw new Error(`Postgres did not start: ${reason}\n${lines}`, { cause: error })
    }
  }
}

async function spawnPostgres(cluster: Cluster, port: number, options: LaunchOptions): Promise<ChildProcess> {
  const settings = Object.entries({ ...SETTINGS, ...options.settings, port: String(port) })
  const mark = cluster.user === undefined ? [] : ['-c', folderSetting(dataFolder(cluster))]
  const log = await open(options.logFile, 'a', 0o600)
  const data = await open(dataFolder(cluster))
  try {
    const child = spawn(
      join(cluster.binFolder, 'postgres'),
      ['-D', dataPath(cluster), ...mark, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      {
        ...spawnOptions(cluster),
        // A group of its own: Ctrl-C in a terminal reaches the whole group, and the service still needs its database
        // to close gracefully.
        detached: true,
        stdio: ['ignore', log.fd, log.fd, data.fd],
      },
    )
    await once(child, 'spawn')
    if (!options.outlivesUs) endWithUs(child, cluster.user)
    return child
  } finally {
    await data.close()
    await log.close()
  }
}

async function truncateWhenBig(logFile: string): Promise<void> {
  if ((await sizeOf(logFile)) > LOG_MAX_BYTES) await truncate(logFile)
}

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    stats => stats.size,
    () => 0,
  )
}
