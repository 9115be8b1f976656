import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { startedByRoot } from '../../../src/embedded-postgres/server-user.js'
import { findFreePort } from '../free-port.js'
import { findDebianProgram } from './debian-program.js'
import { query } from './query.js'
import { runProgram } from './run-program.js'

/**
 * Starts a PgBouncer in transaction mode in front of a database. It has few connections to the server, so clients get
 * connections that other clients have used.
 *
 * @param more further lines of its configuration
 * @returns the address of the same database through it
 */
export async function startPgBouncer(t: Test, postgresUrl: string, more = ''): Promise<string> {
  const program = await findDebianProgram('pgbouncer', 'usr/sbin/pgbouncer')
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-pgbouncer-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const port = await findFreePort()
  const configuration = join(folder, 'pgbouncer.ini')
  await writeFile(configuration, configurationOf(new URL(postgresUrl), port) + more, { mode: 0o600 })

  const url = new URL(postgresUrl)
  url.host = `127.0.0.1:${port}`
  // It refuses to run as root, and needs root rights until it has read its files.
  const user = startedByRoot() ? ['-u', 'nobody'] : []
  await runProgram(t, program, { args: [...user, configuration], folder, answers: () => answers(url.href) })
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

async function answers(url: string): Promise<boolean> {
  return query(url, 'select 1').then(
    () => true,
    () => false,
  )
}
