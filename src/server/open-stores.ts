import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config/config.js'
import { readPostgresUrl } from '../config/postgres-url.js'
import { deriveSecrets } from '../domain/keys/secrets.js'
import { connectToRunning } from '../embedded-postgres/postmaster.js'
import { LockHeld, lockHolder } from '../embedded-postgres/process-lock.js'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../embedded-postgres/start.js'
import type { Log } from '../lib/log.js'
import type { TraceCall } from '../lib/trace-call.js'
import { type Database, openDatabase } from '../postgres/database.js'
import { type Migrated, migrate } from '../postgres/migrate.js'
import { checkTablesFound, SchemaError } from '../postgres/search-path.js'
import type { TablesVersion } from '../postgres/tables-version.js'
import { waitForPostgres } from '../postgres/wait-for-postgres.js'
import type { Ephemeral } from '../redis/ephemeral.js'
import { createKeys } from '../redis/key-names.js'
import { createMemoryEphemeral } from '../redis/memory-ephemeral.js'

/** The stores of this process. */
export interface Stores {
  readonly db: Database
  readonly ephemeral: Ephemeral
  close(): Promise<void>
}

export interface OpenStoresOptions {
  log: Log
  /** Makes a span of each statement and each command that a request causes. */
  trace?: TraceCall | undefined
  /** Milliseconds since the epoch. */
  clock?: () => number
  /** Called when the embedded Postgres ends by itself. The service cannot continue then. */
  onLost?: (error: Error) => void
  /**
   * For a command: uses the tables as they are, and the embedded Postgres of a running service instead of refusing to
   * start a second. With `running` it does not start one either.
   */
  existing?: 'any' | 'running'
  /** Told what was done to the tables, unless they are used as they are. */
  onMigrated?: (migrated: Migrated) => void
  /** The embedded Postgres, if the caller has started it already. Otherwise this starts it, with `onLost`. */
  postgres?: Promise<EmbeddedPostgres> | undefined
}

/** How long a start waits for Redis. Then it continues without Redis, which is the fast path and not the truth. */
const REDIS_TIMEOUT_MS = 1000
/** How long a command waits for the tables of a service that is still starting. */
const MIGRATION_TIMEOUT_MS = 10_000

/**
 * Opens the stores that the configuration names, and updates their tables, except for a command. Only this function
 * knows the mode: all other code works with a database and an ephemeral store.
 */
export async function openStores(config: Config, options: OpenStoresOptions): Promise<Stores> {
  return config.mode === 'embedded' ? openEmbedded(config, options) : openExternal(config, options)
}

async function openExternal(
  config: Config,
  { log, trace, clock, existing, onMigrated }: OpenStoresOptions,
): Promise<Stores> {
  const { url, migrateOnStart } = config.database
  const redisUrl = config.redis.url
  if (url === undefined || redisUrl === undefined) throw new Error('DATABASE_URL and REDIS_URL are needed')
  const migrated = migrateOnStart && !existing ? await migrateExternal(config, log, onMigrated) : undefined
  const db = openDatabase({ ...databaseOptions(config), url, trace })
  try {
    const check = async () => {
      checkTablesFound(await db.schemaView(), readPostgresUrl(url).searchPath, migrated)
      // Another process migrates; until then, the statements of this version could fail.
      if (existing || !migrateOnStart)
        checkTablesVersion(await db.tablesVersion(), log, existing ? 'command' : 'instance')
    }
    await waitForPostgres(check, { address: { variable: 'DATABASE_URL', url }, log })
  } catch (error) {
    await db.close()
    throw error
  }

  // The embedded mode needs no Redis, and starts sooner without loading its client.
  const { connectRedis, redisReady } = await import('../redis/client.js')
  const { createRedisEphemeral } = await import('../redis/redis-ephemeral.js')
  const { caFile, cluster, sentinel } = config.redis
  const redisOptions = { caFile, cluster, sentinel, log }
  const redis = connectRedis(redisUrl, redisOptions)
  if (!(await redisReady(redis, REDIS_TIMEOUT_MS))) log.warn('Redis does not answer; starting without it.')
  const ephemeral = createRedisEphemeral({
    redis,
    // Without a log: the first client already logs the problems of Redis.
    openFollower: () => connectRedis(redisUrl, { ...redisOptions, log: undefined, blocking: true }),
    keys: keysOf(config),
    macKeys: deriveSecrets(config).redisMacKeys,
    log,
    trace,
    ...(clock && { now: clock }),
  })
  return {
    db,
    ephemeral,
    async close() {
      await Promise.all([db.close(), ephemeral.close()])
    },
  }
}

/**
 * Updates the tables of the external database.
 *
 * @returns the schema of the tables
 * @throws Error that tells an operator what to do
 */
export async function migrateExternal(
  { database }: Config,
  log: Log,
  onMigrated?: OpenStoresOptions['onMigrated'],
): Promise<string> {
  const { url, migrationUrl = url, caFile } = database
  if (migrationUrl === undefined) throw new Error('DATABASE_URL is needed')
  const variable = migrationUrl === url ? 'DATABASE_URL' : 'DATABASE_MIGRATION_URL'
  const address = { variable, url: migrationUrl } as const
  return waitForPostgres(() => migrate({ url: migrationUrl, caFile, log, onMigrated }), { address, log })
}

async function openEmbedded(config: Config, options: OpenStoresOptions): Promise<Stores> {
  const { clock, log, trace, onMigrated } = options
  const postgres = await startOrShare(config, options)
  try {
    if (!options.existing) await migrate({ url: postgres.url, caFile: undefined, log, onMigrated })
  } catch (error) {
    await postgres.stop()
    throw error
  }
  const db = openDatabase({ ...databaseOptions(config), url: postgres.url, caFile: undefined, trace })
  if (options.existing) {
    try {
      await untilMigrated(db, log, postgres.isShared ? MIGRATION_TIMEOUT_MS : 0)
    } catch (error) {
      await db.close()
      await postgres.stop()
      if (!(error instanceof SchemaError)) throw error
      throw new Error(`The embedded Postgres in ${resolve(config.dataDir)} cannot be used: ${error.message}.`)
    }
  }
  const ephemeral = createMemoryEphemeral({ keys: keysOf(config), ...(clock && { now: clock }) })
  return {
    db,
    ephemeral,
    async close() {
      await Promise.all([db.close(), ephemeral.close()])
      await postgres.stop()
    },
  }
}

async function startOrShare({ dataDir }: Config, { log, onLost, postgres, existing }: OpenStoresOptions) {
  if (existing === 'running' && (await lockHolder(join(dataDir, 'latchkey.pid'))) === undefined)
    throw new Error(`No service runs on the data in ${resolve(dataDir)}: start it first.`)
  try {
    const { url, stop } = await (postgres ?? startEmbeddedPostgres({ dataDir, log, ...(onLost && { onExit: onLost }) }))
    return { url, stop, isShared: false }
  } catch (error) {
    const isRunning = error instanceof Error && error.cause instanceof LockHeld
    if (!existing || !isRunning) throw error
    // The other process stops it.
    return { url: await connectToRunning(dataDir), stop: async () => {}, isShared: true }
  }
}

/** The process that runs this Postgres may still be creating the tables at its start. */
async function untilMigrated(db: Database, log: Log, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    try {
      checkTablesVersion(await db.tablesVersion(), log)
      return
    } catch (error) {
      if (Date.now() >= deadline) throw error
      await sleep(100)
    }
  }
}

/** @throws SchemaError if the tables are missing or older, for a process that does not migrate them */
function checkTablesVersion(version: TablesVersion, log: Log, process: 'command' | 'instance' = 'command'): void {
  if (version === 'none') throw new SchemaError('it has no tables of Latchkey yet: run "latchkey migrate"')
  if (version === 'older')
    throw new SchemaError('its tables are of an earlier version of Latchkey: run "latchkey migrate"')
  // The rows stay usable for this version, as for an instance that runs beside newer ones.
  if (version === 'newer')
    log.warn(`The tables in the database are of a newer version of Latchkey than this ${process}.`)
}

function databaseOptions({ database }: Config) {
  return {
    size: database.poolSize,
    prepare: database.prepare,
    caFile: database.caFile,
    timeoutMs: database.timeoutMs,
  }
}

function keysOf(config: Config) {
  return createKeys({
    prefix: config.redis.keyPrefix,
    refreshTokenTtlSeconds: config.refreshTokenTtlSeconds,
  })
}
