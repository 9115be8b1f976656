import type { Config } from '../config/config.js'
import { readPostgresUrl } from '../config/postgres-url.js'
import { messageOf } from '../lib/error-facts.js'
import { type Database, openDatabase } from '../postgres/database.js'
import { explainPostgresError, type PostgresAddress, withoutSecrets } from '../postgres/errors.js'
import type { PostgresInstallation } from '../postgres/installation.js'
import { checkTablesFound } from '../postgres/search-path.js'
import { reportClock } from './check-clock.js'
import type { Findings } from './finding.js'

const OLDEST_VERSION = 15
/** A transaction that is open for so long keeps rows that were deleted, in every table. */
const LONG_TRANSACTION_SECONDS = 600

/** Checks an external Postgres: connection, tables, rights, settings, clock. Writes nothing. */
export async function checkPostgres(config: Config, findings: Findings): Promise<void> {
  const { url, migrationUrl } = config.database
  if (url === undefined) return
  await withPostgres(config, { variable: 'DATABASE_URL', url }, findings, async db => {
    const sentAt = Date.now()
    const server = await db.installation()
    reportClock(findings, { name: 'Postgres', theirMs: server.nowMs, sentAt, receivedAt: Date.now() })
    reportServer(findings, server, config)
    reportSecurity(findings, server, url)
    await reportTables(findings, db, url, server)
  })
  if (migrationUrl !== undefined && migrationUrl !== url)
    await withPostgres(config, { variable: 'DATABASE_MIGRATION_URL', url: migrationUrl }, findings, async db => {
      await db.ping()
      findings
        .about('postgres')
        .ok('migration_address', `DATABASE_MIGRATION_URL reaches ${withoutSecrets(migrationUrl)}.`)
    })
}

async function withPostgres(
  { database }: Config,
  address: PostgresAddress,
  findings: Findings,
  work: (db: Database) => Promise<void>,
): Promise<void> {
  const { prepare, caFile, timeoutMs } = database
  const db = openDatabase({ url: address.url, prepare, caFile, timeoutMs, size: 1 })
  try {
    await work(db)
  } catch (error) {
    findings.about('postgres').problem('connection', explainPostgresError(error, address).message)
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

async function reportTables(findings: Findings, db: Database, url: string, { missingRights }: PostgresInstallation) {
  const { ok, warning, problem } = findings.about('postgres')
  const version = await db.tablesVersion()
  if (version === 'none') {
    problem('tables', 'The database has no tables of Latchkey yet: start the service, or run "latchkey migrate".')
    return
  }
  try {
    checkTablesFound(await db.schemaView(), readPostgresUrl(url).searchPath, undefined)
  } catch (error) {
    problem('tables', `The tables cannot be used: ${messageOf(error)}.`)
    return
  }
  if (version === 'older') problem('tables', 'The tables are of an earlier version: run "latchkey migrate".')
  else if (version === 'newer')
    warning('tables', 'The tables are of a newer version than this program: finish the upgrade of the instances.')
  else ok('tables', `The tables are ${version === 'current' ? 'those of this version' : 'there'}.`)
  if (missingRights.length > 0)
    problem(
      'rights',
      `The user of DATABASE_URL has no right to ${missingRights.join(', ')}: grant it (docs/configuration.md, "Rights").`,
    )
  else ok('rights', 'The user of DATABASE_URL has all rights that the service needs.')
}
