import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { locateInstallation } from '../../src/embedded-postgres/data-folder.js'
import { createInstallation } from '../../src/embedded-postgres/installation.js'
import { launchPostgres } from '../../src/embedded-postgres/launch.js'
import { rootOwnedDirOf } from '../../src/embedded-postgres/native-programs.js'
import { stopServer, stopWithParent } from '../../src/embedded-postgres/stop.js'
import { findRedis } from '../../test/support/servers/find-redis.js'
import { launchRedis } from '../../test/support/servers/launch-redis.js'
import { quietLog } from '../../test/support/servers/quiet-log.js'

/** The Postgres and the Redis that all share. */
export interface BenchStores {
  postgres: { pid: number; version: string }
  redis: { pid: number; url: string; version: string }
  /** Creates an empty database and returns its address. */
  createDatabase(): Promise<string>
  dropDatabase(url: string): Promise<void>
  stop(): Promise<void>
}

/** Every commit is on the disk before its answer (fsync and synchronous_commit are on, as Postgres has them). */
const SETTINGS = { max_connections: '200', shared_buffers: '256MB', max_wal_size: '2GB', jit: 'off' }

/** @param settings - of Postgres, in place of those above */
export async function startStores(settings: Readonly<Record<string, string>> = {}): Promise<BenchStores> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-bench-'))
  await chmod(folder, 0o711)
  const rootOwnedDir = await rootOwnedDirOf(folder)
  const installation = await locateInstallation(folder, quietLog())
  await createInstallation(installation)
  const logFile = join(folder, 'postgres.log')
  const running = await launchPostgres(installation, { logFile, settings: { ...SETTINGS, ...settings } })
  const program = await findRedis()
  if (program === undefined) throw new Error('The benchmark needs a redis-server or valkey-server on the PATH.')
  const redis = await launchRedis({ program, folder })
  stopWithParent(redis.child)
  const admin = postgres(running.url, { max: 1, onnotice: () => {} })
  const [{ version }] = (await admin`select current_setting('server_version') as version`) as unknown as [
    { version: string },
  ]
  return {
    postgres: { pid: running.child.pid!, version },
    redis: { pid: redis.child.pid!, url: redis.url, version: await redisVersion(redis.url) },
    async createDatabase() {
      const name = `bench_${randomBytes(6).toString('hex')}`
      await admin.unsafe(`create database ${name}`)
      return Object.assign(new URL(running.url), { pathname: `/${name}` }).href
    },
    async dropDatabase(url) {
      await admin.unsafe(`drop database ${new URL(url).pathname.slice(1)} with (force)`)
    },
    async stop() {
      await admin.end()
      await Promise.all([stopServer(running.child), stopServer(redis.child)])
      await rm(folder, { recursive: true, force: true })
      await rm(rootOwnedDir, { recursive: true, force: true })
    },
  }
}

async function redisVersion(url: string): Promise<string> {
  const { Redis } = await import('ioredis')
  const redis = new Redis(url)
  const info = await redis.info('server')
  redis.disconnect()
  return /redis_version:(\S+)/.exec(info)?.[1] ?? 'unknown'
}
