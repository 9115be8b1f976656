import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { findFreePort } from '../../../src/stores/embedded/find-free-port.js'
import { startedByRoot } from '../../../src/stores/embedded/server-user.js'
import { hasEnded } from '../../../src/stores/embedded/stop-server.js'
import { downloadDebianPackages, unpackDebianPackages } from './debian-packages.js'
import { findOnPath } from './find-on-path.js'
import { query } from './query.js'
import { serversFolder, withServersLock } from './servers-file.js'

const PATIENCE_MS = 10_000

/**
 * Starts a PgBouncer in transaction mode before a database. It has few connections to the server, so that every client
 * meets what the others left on them.
 *
 * @param more lines of its configuration
 * @returns the address of the same database through it
 */
export async function startPgBouncer(t: Test, postgresUrl: string, more = ''): Promise<string> {
  const { path, libraryPath } = await findPgBouncer()
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-pgbouncer-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const port = await findFreePort()
  const configuration = join(folder, 'pgbouncer.ini')
  await writeFile(configuration, configurationOf(new URL(postgresUrl), port) + more, { mode: 0o600 })

  const log = await open(join(folder, 'log'), 'a')
  // It refuses to go on as root, and needs root until it has read its files.
  const user = startedByRoot() ? ['-u', 'nobody'] : []
  const env = { ...process.env, ...(libraryPath === undefined ? {} : { LD_LIBRARY_PATH: libraryPath }) }
  const child = spawn(path, [...user, configuration], { stdio: ['ignore', log.fd, log.fd], env })
  await once(child, 'spawn')
  await log.close()
  t.teardown(() => end(child))

  const url = new URL(postgresUrl)
  url.host = `127.0.0.1:${port}`
  const deadline = Date.now() + PATIENCE_MS
  while (!(await answers(url.href))) {
    if (hasEnded(child) || Date.now() > deadline) {
      throw new Error(`PgBouncer did not start:\n${await readFile(join(folder, 'log'), 'utf8')}`)
    }
    await sleep(20)
  }
  return url.href
}

function configurationOf({ hostname, port, username, password }: URL, listenPort: number): string {
  return `
[databases]
* = host=${hostname} port=${port} user=${decodeURIComponent(username)} password=${decodeURIComponent(password)}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listenPort}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
`
}

/** PgBouncer where it is installed; else Debian's, downloaded and unpacked without being installed. */
async function findPgBouncer(): Promise<{ path: string; libraryPath?: string }> {
  const installed = await findOnPath('pgbouncer')
  if (installed !== undefined) return { path: installed }
  return withServersLock(async () => {
    const packages = await downloadDebianPackages('pgbouncer')
    if (packages === undefined) throw new Error('This test needs PgBouncer: install the package pgbouncer.')
    const { folder, libraryPath } = await unpackDebianPackages(packages, join(serversFolder, 'pgbouncer'))
    return { path: join(folder, 'usr/sbin/pgbouncer'), libraryPath }
  })
}

async function answers(url: string): Promise<boolean> {
  return query(url, 'select 1').then(
    () => true,
    () => false,
  )
}

async function end(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}
