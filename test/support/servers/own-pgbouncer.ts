import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
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

/** A PgBouncer for one test, which stops it, and makes it use another server. Its address stays the same. */
export interface ControlledPgBouncer {
  url: string
  /** Sends SIGKILL. */
  kill(): Promise<void>
  start(): Promise<void>
  /** Makes it use the server of this address. Clients stay connected. */
  useServer(postgresUrl: string): Promise<void>
  /** Runs a command of its console, such as PAUSE. */
  command(text: string): Promise<void>
}

/**
 * Starts a PgBouncer in transaction mode, which ends with the test.
 *
 * @param more further lines of its configuration
 */
export async function controlPgBouncer(t: Test, postgresUrl: string, more = ''): Promise<ControlledPgBouncer> {
  const program = await findDebianProgram('pgbouncer', 'usr/sbin/pgbouncer')
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-pgbouncer-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  // It reads the file again as the user that it runs as.
  await chmod(folder, 0o755)
  const port = await findFreePort()
  const file = join(folder, 'pgbouncer.ini')
  const configure = (address: string) =>
    writeFile(file, configurationOf(new URL(address), port) + more, { mode: 0o644 })
  await configure(postgresUrl)
  const url = new URL(postgresUrl)
  url.host = `127.0.0.1:${port}`
  let running: ChildProcess | undefined

  async function start(): Promise<void> {
    const args = [...(startedByRoot() ? ['-u', 'nobody'] : []), file]
    running = await runProgram(t, program, { args, folder, answers: () => answers(url.href) })
  }
  async function command(text: string): Promise<void> {
    // The console knows only its own commands.
    const console = postgres(new URL('/pgbouncer', url).href, { max: 1, fetch_types: false, onnotice: () => {} })
    await console
      .unsafe(text)
      .simple()
      .finally(() => console.end({ timeout: 1 }))
  }

  await start()
  return {
    url: url.href,
    start,
    command,
    async kill() {
      const exit = once(running!, 'exit')
      running!.kill('SIGKILL')
      await exit
    },
    async useServer(address) {
      await configure(address)
      await command('RELOAD')
    },
  }
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
admin_users = ${decodeURIComponent(username)}
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
