import { sql } from 'drizzle-orm'
import type postgres from 'postgres'
import type { Runner } from '../../src/postgres/pool/connections.js'

/** Defaults of a database or a role that another program may need, and that break a service that relies on its own. */
export const HOSTILE_DEFAULTS = {
  datestyle: 'SQL, DMY',
  intervalstyle: 'sql_standard',
  timezone: 'Asia/Kathmandu',
  extra_float_digits: '-15',
  bytea_output: 'escape',
  array_nulls: 'off',
  standard_conforming_strings: 'off',
  transform_null_equals: 'on',
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
  synchronous_commit: 'off',
  jit: 'on',
  jit_above_cost: '0',
  plan_cache_mode: 'force_generic_plan',
  statement_timeout: '10min',
  idle_in_transaction_session_timeout: '10min',
  lock_timeout: '1ms',
  client_encoding: 'LATIN1',
}

/** The settings that a connection of the service must have instead, with DATABASE_TIMEOUT at five seconds. */
export const OUR_SETTINGS = {
  datestyle: 'ISO, MDY',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  extra_float_digits: '1',
  bytea_output: 'hex',
  array_nulls: 'on',
  standard_conforming_strings: 'on',
  transform_null_equals: 'off',
  transaction_isolation: 'read committed',
  synchronous_commit: 'on',
  jit: 'off',
  plan_cache_mode: 'auto',
  statement_timeout: '5s',
  idle_in_transaction_session_timeout: '5s',
  lock_timeout: '0',
  idle_session_timeout: '0',
  client_encoding: 'UTF8',
}

/** Sets defaults of the database that `admin` is connected to. */
export async function setDefaults(admin: postgres.Sql, defaults: Record<string, string>): Promise<void> {
  const [row] = await admin`select current_database() as name`
  for (const [setting, value] of Object.entries(defaults)) {
    await admin.unsafe(`alter database ${row!.name} set ${setting} = '${value}'`)
  }
}

/** Reads the settings of {@link OUR_SETTINGS} on the connection that runs the statement. */
export async function readSettings({ run }: Runner): Promise<Record<string, unknown>> {
  const settings = Object.keys(OUR_SETTINGS).map(name => sql`current_setting(${name}) as ${sql.identifier(name)}`)
  const [row] = await run(executor => executor.execute(sql`select ${sql.join(settings, sql`, `)}`))
  return { ...row }
}
