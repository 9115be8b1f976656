import { getTableName, is, sql } from 'drizzle-orm'
import { PgTable } from 'drizzle-orm/pg-core'
import type { Runner } from './pool/connections.js'
import * as accounts from './schema/accounts.js'
import * as clients from './schema/clients.js'
import * as deliveries from './schema/deliveries.js'
import * as revocations from './schema/revocations.js'
import * as securityEvents from './schema/security-events.js'
import * as sessions from './schema/sessions.js'
import * as signingKeys from './schema/signing-keys.js'
import * as verifiers from './schema/verifiers.js'

/** What an operator has to know of a Postgres. */
export interface PostgresInstallation {
  version: string
  /** As in 150004 for version 15.4. */
  versionNumber: number
  /** Whether the server only follows another one. */
  isStandby: boolean
  isReadOnly: boolean
  /** Whether the last part of the way uses TLS; null if the server does not say. */
  isEncrypted: boolean | null
  maxConnections: number
  /** How many of them are kept for administrators. */
  reservedConnections: number
  connections: number
  /** Milliseconds since the epoch, by the clock of the server. */
  nowMs: number
  /** Settings with which committed data can be lost or corrupted, or clean-up does not run. */
  unsafeSettings: string[]
  databaseBytes: number
  /** The age of the oldest open transaction that this role can see; null if there is none. */
  oldestTransactionSeconds: number | null
  /** Whether this role can create tables in the first schema of its search_path. */
  mayCreate: boolean
  /** Such as `DELETE on sessions`. */
  missingRights: string[]
}

const TABLES = [accounts, clients, deliveries, revocations, securityEvents, sessions, signingKeys, verifiers]
  .flatMap((file): unknown[] => Object.values(file))
  .filter(exported => is(exported, PgTable))
  .map(getTableName)

/** Reads it in one statement, which changes nothing. */
export async function readInstallation(runner: Runner): Promise<PostgresInstallation> {
  const names = sql.join(
    TABLES.map(name => sql`${name}`),
    sql`, `,
  )
  const [row] = await runner.run(executor =>
    executor.execute(sql`
      with home as (select relnamespace as id from pg_class where oid = to_regclass('revocations')),
      missing as (
        select privilege || ' on ' || relname as name
        from pg_class, home, unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) as privilege
        where relnamespace = home.id and relname in (${names}) and not has_table_privilege(pg_class.oid, privilege)
        union all
        select 'USAGE on ' || relname from pg_class, home
        where relnamespace = home.id
          and case when relkind = 'S' then not has_sequence_privilege(pg_class.oid, 'USAGE') else false end
      )
      select current_setting('server_version') as version,
        current_setting('server_version_num')::int as "versionNumber",
        pg_is_in_recovery() as "isStandby",
        current_setting('transaction_read_only') = 'on' as "isReadOnly",
        (select ssl from pg_stat_ssl where pid = pg_backend_pid()) as "isEncrypted",
        current_setting('max_connections')::int as "maxConnections",
        current_setting('superuser_reserved_connections')::int
          + coalesce(current_setting('reserved_connections', true), '0')::int as "reservedConnections",
        (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as connections,
        (extract(epoch from clock_timestamp()) * 1000)::float8 as "nowMs",
        (select coalesce(array_to_json(array_agg(name || ' = ' || setting order by name)), '[]') from pg_settings
          where name in ('fsync', 'full_page_writes', 'autovacuum') and setting = 'off') as "unsafeSettings",
        pg_database_size(current_database())::float8 as "databaseBytes",
        (select extract(epoch from max(clock_timestamp() - xact_start))::float8 from pg_stat_activity
          where pid <> pg_backend_pid()) as "oldestTransactionSeconds",
        coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) as "mayCreate",
        (select coalesce(array_to_json(array_agg(name order by name)), '[]') from missing) as "missingRights"`),
  )
  return row as unknown as PostgresInstallation
}
