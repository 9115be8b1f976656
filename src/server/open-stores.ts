import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config/config.js'
import { readPostgresUrl } from '../config/postgres-url.js'
import { deriveSecrets } from '../domain/keys/secrets.js'
import { connectToRunning } from '../embedded-postgres/postmaster.js'
import { LockHeld } from '../embedded-postgres/process-lock.js'
import { startEmbeddedPostgres } from '../embedded-postgres/start.js'
import type { Log } from '../lib/log.js'
import { type Database, openDatabase } from '../postgres/database.js'
import { migrate } from '../postgres/migrate.js'
import { checkTablesFound } from '../postgres/search-path.js'
import { waitForPostgres } from '../postgres/wait-for-postgres.js'
import { connectRedis, redisReady } from '../redis/client.js'
import type { Ephemeral } from '../redis/ephemeral.js'
import { createKeys } from '../redis/key-names.js'
import { createMemoryEphemeral } from '../redis/memory-ephemeral.js'
import { createRedisEphemeral } from '../redis/redis-ephemeral.js'

/** The stores of this process. */
export interface Stores {
  readonly db: Database
  readonly ephemeral: Ephemeral
  close(): Promise<void>
}

export interface OpenStoresOptions {
  log: Log
  /** Milliseconds since the epoch. */
  clock?: () => number
  /** Called when the embedded Postgres ends by itself. The service cannot continue then. */
  onLost?: (error: Error) => void
  /** Uses the embedded Postgres of a running service, if there is one, instead of refusing to start a second. */
  shareRunning?: boolean
}

/** How long a start waits for Redis. Then it continues without Redis, which is the fast path and not the truth. */
const REDIS_TIMEOUT_MS = 1000
/** How long a command waits for the tables of a service that is still starting. */
const MIGRATION_TIMEOUT_MS = 10_000

/**
 * Opens the stores that the configuration names, and updates their tables. Only this function knows the mode: all other
 * code works with a database and an ephemeral store.
 */
export async function openStores(config: Config, options: OpenStoresOptions): Promise<Stores> {
  return config.mode === 'embedded' ? openEmbedded(config, options) : openExternal(config, options)
}

async function openExternal(config: Config, { log, clock }: OpenStoresOptions): Promise<Stores> {
  const { url, migrateOnStart } = config.database
  const redisUrl = config.redis.url
  if (url === undefined || redisUrl === undefined) throw new Error('DATABASE_URL and REDIS_URL are needed')
  const migrated = migrateOnStart ? await migrateExternal(config, log) : undefined
  const db = openDatabase({ ...databaseOptions(config), url })
  try {
    const check = async () => checkTablesFound(await db.schemaView(), readPostgresUrl(url).searchPath, migrated)
    await waitForPostgres(check, { address: { variable: 'DATABASE_URL', url }, log })
  } catch (error) {
    await db.close()
    throw error
  }

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
export async function migrateExternal({ database }: Config, log: Log): Promise<string> {
  const { url, migrationUrl = url, caFile } = database
  if (migrationUrl === undefined) throw new Error('DATABASE_URL is needed')
  const variable = migrationUrl === url ? 'DATABASE_URL' : 'DATABASE_MIGRATION_URL'
  const address = { variable, url: migrationUrl } as const
  return waitForPostgres(() => migrate({ url: migrationUrl, caFile, log }), { address, log })
}

async function openEmbedded(config: Config, options: OpenStoresOptions): Promise<Stores> {
  const { clock, log } = options
  const postgres = await startOrShare(config, options)
  try {
    if (!postgres.isShared) await migrate({ url: postgres.url, caFile: undefined, log })
  } catch (error) {
    await postgres.stop()
    throw error
  }
  const db = openDatabase({ ...databaseOptions(config), url: postgres.url, caFile: undefined })
  if (postgres.isShared) await untilMigrated(db)
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

async function startOrShare({ dataDir }: Config, { log, onLost, shareRunning }: OpenStoresOptions) {
  try {
    const { url, stop } = await startEmbeddedPostgres({ dataDir, log, ...(onLost && { onExit: onLost }) })
    return { url, stop, isShared: false }
  } catch (error) {
    const isRunning = error instanceof Error && error.cause instanceof LockHeld
    if (!shareRunning || !isRunning) throw error
    // The other process stops it.
    return { url: await connectToRunning(dataDir), stop: async () => {}, isShared: true }
  }
}

/** The process that runs this Postgres may still be creating the tables at its first start. */
async function untilMigrated(db: Database): Promise<void> {
  const deadline = Date.now() + MIGRATION_TIMEOUT_MS
  for (;;) {
    try {
      await db.signingKeys.all()
      return
    } catch (error) {
      if (Date.now() < deadline) await sleep(100)
      else throw error
    }
  }
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
