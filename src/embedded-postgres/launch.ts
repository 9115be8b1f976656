import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, stat, truncate } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { messageOf } from '../lib/error-facts.js'
import { dataFolder, dataPath, type Installation, passwordFile, ROLE, spawnOptions } from './installation.js'
import { folderSetting, readPostmaster } from './postmaster.js'
import { hasEnded, stopServer, stopWithParent } from './stop.js'

export interface RunningPostgres {
  child: ChildProcess
  /** The address of the database `latchkey`, with the password. */
  url: string
}

export interface LaunchOptions {
  logFile: string
  /** A free one if not given. */
  port?: number | undefined
  /** Server settings that override ours. */
  settings?: Readonly<Record<string, string>>
  /** The server keeps running when this process ends. Only the servers that all tests share do. */
  keepsRunning?: boolean
  /** Called when the server's process runs. */
  onSpawned?: (() => void) | undefined
}

const LOG_MAX_BYTES = 10 * 1024 * 1024
const LOG_TAIL_LINES = 20
const PORT_ATTEMPTS = 5

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  // The path of a socket can have at most 107 bytes, and the path of the data folder may be longer.
  unix_socket_directories: '',
  max_connections: '50',
  shared_buffers: '64MB',
  max_wal_size: '256MB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  timezone: 'UTC',
  // The service itself receives the error of every failed statement. In this log, the text and the details of a
  // statement could show e-mail addresses and hashes.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
}

/** Starts the server on a free port of the loopback address and resolves when it answers a query. */
export async function launchPostgres(installation: Installation, options: LaunchOptions): Promise<RunningPostgres> {
  await truncateWhenBig(options.logFile)
  const password = await readFile(passwordFile(installation), 'utf8')
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await findFreePort())
    const logStart = await sizeOf(options.logFile)
    const child = await spawnPostgres(installation, port, options)
    try {
      const url = `postgres://${ROLE}:${password}@127.0.0.1:${port}/${ROLE}`
      await waitUntilReady(child, dataFolder(installation), url)
      return { child, url }
    } catch (error) {
      await stopServer(child)
      const tail = (await readFile(options.logFile)).subarray(logStart).toString()
      // Another program has opened the port since it was found free.
      if (attempt < PORT_ATTEMPTS && tail.includes('could not create any TCP/IP sockets')) continue
      const lines = tail.trim().split('\n').slice(-LOG_TAIL_LINES).join('\n')
      throw new Error(`Postgres did not start: ${messageOf(error)}\n${lines}`, { cause: error })
    }
  }
}

async function spawnPostgres(installation: Installation, port: number, options: LaunchOptions): Promise<ChildProcess> {
  const settings = Object.entries({ ...SETTINGS, ...options.settings, port: String(port) })
  const folderArgs = installation.user === undefined ? [] : ['-c', folderSetting(dataFolder(installation))]
  const log = await open(options.logFile, 'a', 0o600)
  const data = await open(dataFolder(installation))
  try {
    const child = spawn(
      join(installation.binFolder, 'postgres'),
      ['-D', dataPath(installation), ...folderArgs, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      {
        ...spawnOptions(installation),
        // In a process group of its own: Ctrl-C in a terminal signals the whole group, and the service needs its
        // database until it has shut down.
        detached: true,
        stdio: ['ignore', log.fd, log.fd, data.fd],
      },
    )
    await once(child, 'spawn')
    if (!options.keepsRunning) stopWithParent(child, installation.user)
    options.onSpawned?.()
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

/** Long enough for crash recovery. */
const TIMEOUT_MS = 60_000
const POLL_INTERVAL_MS = 10

/**
 * Resolves when the server accepts connections and our database exists. Rejects if the server has ended.
 *
 * Connects only after the server itself has written that it opened the port: another program may have opened it first,
 * and could ask for the password.
 */
export async function waitUntilReady(child: ChildProcess, data: string, url: string): Promise<void> {
  const port = Number(new URL(url).port)
  const deadline = Date.now() + TIMEOUT_MS
  for (;;) {
    if (hasEnded(child)) throw new Error(`it ended with ${child.signalCode ?? `code ${child.exitCode}`}.`)
    const postmaster = await readPostmaster(data)
    if (postmaster?.pid === child.pid && postmaster?.port === port && postmaster.isReady) break
    if (Date.now() > deadline) throw new Error('it was not ready in time.')
    await sleep(POLL_INTERVAL_MS)
  }
  const sql = postgres(url.replace(/[^/]*$/, 'postgres'), { max: 1, connect_timeout: 5, onnotice: () => {} })
  try {
    const found = await sql`select 1 from pg_database where datname = ${ROLE}`
    if (found.length === 0) await sql`create database ${sql(ROLE)}`
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Returns a port of 127.0.0.1 that is free now. Another program may open it first; the caller must then try again. */
async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('No free port was found.')
  return address.port
}
