import type { Config } from '../config/config.js'
import { readPostgresUrl } from '../config/postgres-url.js'
import { messageOf } from '../lib/error-facts.js'
import { type Database, openDatabase } from '../postgres/database.js'
import { explainPostgresError, type PostgresAddress } from '../postgres/errors.js'
import type { PostgresInstallation } from '../postgres/installation.js'
import { checkTablesFound, type SchemaView, schemaToMigrate } from '../postgres/search-path.js'
import { reportClock } from './check-clock.js'
import type { Findings } from './finding.js'

const OLDEST_VERSION = 15
/** A transaction that is open for so long keeps rows that were deleted, in every table. */
const LONG_TRANSACTION_SECONDS = 600

/** Checks an external Postgres: connection, tables, rights, settings, clock. Writes nothing. */
export async function checkPostgres(config: Config, findings: Findings): Promise<void> {
  const { url, migrationUrl, migrateOnStart } = config.database
  if (url === undefined) return
  await withPostgres(config, { variable: 'DATABASE_URL', url }, findings, async db => {
    const sentAt = Date.now()
    const server = await db.installation()
    reportClock(findings, { name: 'Postgres', theirMs: server.nowMs, sentAt, receivedAt: Date.now() })
    reportServer(findings, server, config)
    reportSecurity(findings, server, url)
    const migrates = migrateOnStart || (migrationUrl !== undefined && migrationUrl !== url)
    const migrated =
      migrates && !server.isReadOnly ? await migratedSchema(config, findings, await db.schemaView()) : undefined
    await reportTables(findings, { db, url, server, migrated })
  })
}

/** What a migration at the start of the service would do: the same role, in the same schema. */
async function migratedSchema(config: Config, findings: Findings, main: SchemaView): Promise<string | undefined> {
  const { url, migrationUrl = url } = config.database
  if (migrationUrl === undefined) return undefined
  const variable = migrationUrl === url ? 'DATABASE_URL' : 'DATABASE_MIGRATION_URL'
  return withPostgres(config, { variable, url: migrationUrl }, findings, async db => {
    const { problem } = findings.about('postgres')
    const view = await db.schemaView()
    let schema: string
    try {
      schema = schemaToMigrate(view, readPostgresUrl(migrationUrl).searchPath)
    } catch (error) {
      problem('migration', `The tables cannot be updated with ${variable}: ${messageOf(error)}.`)
      return undefined
    }
    if (main.found !== null && view.found === null)
      problem(
        'migration',
        `DATABASE_URL leads to tables of Latchkey and ${variable} to none: give both the same server, database and schema.`,
      )
    if (!(await db.installation()).mayCreate)
      problem(
        'migration',
        `The user of ${variable} cannot create tables in the schema ${schema}: grant it CREATE there.`,
      )
    return schema
  })
}

async function withPostgres<T>(
  { database }: Config,
  address: PostgresAddress,
  findings: Findings,
  work: (db: Database) => Promise<T>,
): Promise<T | undefined> {
  const { prepare, caFile, timeoutMs } = database
  const db = openDatabase({ url: address.url, prepare, caFile, timeoutMs, size: 1 })
  try {
    return await work(db)
  } catch (error) {
    findings.about('postgres').problem('connection', explainPostgresError(error, address).message)
    return undefined
  } finally {
    await db.close()
  }
}

function reportServer(findings: Findings, server: PostgresInstallation, { database }: Config): void {
  const { ok, warning, problem } = findings.about('postgres')
  const megabytes = Math.round(server.databaseBytes / 1e6)
  if (server.versionNumber < OLDEST_VERSION * 10_000)
    problem(
      'version',
      `Postgres is version ${server.version}, and Latchkey needs ${OLDEST_VERSION} or newer: upgrade it.`,
    )
  else ok('version', `Postgres ${server.version} answers; the database has ${megabytes} MB.`)

  if (server.isStandby || server.isReadOnly)
    problem(
      'writable',
      `Postgres is ${server.isStandby ? 'a standby' : 'read-only'}, so nobody can sign in or refresh: name the primary in ` +
        'DATABASE_URL, or all servers with ?target_session_attrs=read-write.',
    )

  const free = server.maxConnections - server.reservedConnections - server.connections
  // Each instance has two connections more than its pool, for the journal and the keys.
  const needed = database.poolSize + 2
  const budget =
    `Postgres allows ${server.maxConnections} connections, ${server.connections} are open, ` +
    `and each instance opens up to ${needed}`
  if (free < needed)
    warning('connections', `${budget}: lower DATABASE_POOL_SIZE, raise max_connections, or use PgBouncer.`)
  else ok('connections', `${budget}.`)

  for (const setting of server.unsafeSettings)
    problem(
      'settings',
      `Postgres runs with ${setting}: committed data can be lost, or the tables only grow. Turn it on.`,
    )
  const age = server.oldestTransactionSeconds ?? 0
  if (age > LONG_TRANSACTION_SECONDS)
    warning(
      'long_transaction',
      `A transaction has been open for ${Math.round(age / 60)} minutes, so Postgres cannot remove deleted rows: find it in ` +
        'pg_stat_activity.',
    )
}

function reportSecurity(findings: Findings, { isEncrypted }: PostgresInstallation, url: string): void {
  const { ok, warning } = findings.about('postgres')
  const { socket, places } = readPostgresUrl(url)
  const isLocal = socket !== undefined || places.every(({ host }) => /^(localhost|127\.|::1$)/.test(host))
  if (isEncrypted) ok('tls', 'The connection to Postgres uses TLS.')
  else if (!isLocal)
    warning(
      'tls',
      'The connection to Postgres does not use TLS, so whoever is on the way can read password hashes: set ' +
        'sslmode=verify-full in DATABASE_URL, and DATABASE_CA_FILE.',
    )
}

interface TablesQuestion {
  db: Database
  url: string
  server: PostgresInstallation
  /** The schema that a migration would use; undefined if this process does not migrate. */
  migrated: string | undefined
}

async function reportTables(findings: Findings, { db, url, server, migrated }: TablesQuestion): Promise<void> {
  const { ok, warning, problem } = findings.about('postgres')
  const view = await db.schemaView()
  try {
    // Before the first start there are none.
    if (view.found !== null || migrated === undefined) checkTablesFound(view, readPostgresUrl(url).searchPath, migrated)
  } catch (error) {
    problem('tables', `The tables cannot be used: ${messageOf(error)}.`)
    return
  }
  const version = await db.tablesVersion()
  const next = migrated === undefined ? 'run "latchkey migrate"' : 'the next start of the service does that'
  if (version === 'none') warning('tables', `The database has no tables of Latchkey yet; ${next}.`)
  else if (version === 'older') warning('tables', `The tables are of an earlier version and must be updated; ${next}.`)
  else if (version === 'newer')
    warning('tables', 'The tables are of a newer version than this program: finish the upgrade of the instances.')
  else ok('tables', `The tables are ${version === 'current' ? 'those of this version' : 'there'}.`)
  if (version === 'none') return
  if (server.missingRights.length > 0)
    problem(
      'rights',
      `The user of DATABASE_URL has no right to ${server.missingRights.join(', ')}: grant it (docs/configuration.md, "Rights").`,
    )
  else ok('rights', 'The user of DATABASE_URL has all rights that the service needs.')
}
