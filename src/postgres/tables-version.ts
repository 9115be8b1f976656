import { sql } from 'drizzle-orm'
import { allMigrations } from './migrate.js'
import type { Runner } from './pool/connections.js'
import { SCHEMA_VIEW, type SchemaView } from './search-path.js'

/**
 * The tables compared with those of this version. `unknown`: there are tables, but this user cannot read which
 * migrations were applied, as with a separate user for migrations.
 */
export type TablesVersion = 'none' | 'older' | 'current' | 'newer' | 'unknown'

/** Compares the tables that the connections find with the newest migration of this version. Changes nothing. */
export async function readTablesVersion(runner: Runner): Promise<TablesVersion> {
  const [view] = await runner.run(executor => executor.execute(sql.raw(SCHEMA_VIEW)))
  const { found } = view as unknown as SchemaView
  if (found === null) return 'none'
  // As in migrate.ts.
  const schema = found === 'public' ? 'drizzle' : found
  const [table] = await runner.run(executor =>
    executor.execute<{ readable: boolean }>(sql`
      select has_schema_privilege(pg_namespace.oid, 'usage') and has_table_privilege(pg_class.oid, 'select') as readable
      from pg_class join pg_namespace on pg_namespace.oid = relnamespace
      where nspname = ${schema} and relname = '__drizzle_migrations'`),
  )
  if (!table?.readable) return 'unknown'
  const [row] = await runner.run(executor =>
    executor.execute<{ last: string | null }>(
      sql`select max(created_at)::text as last from ${sql.identifier(schema)}.__drizzle_migrations`,
    ),
  )
  const last = Number(row!.last ?? 0)
  const newest = allMigrations().at(-1)!.folderMillis
  if (last === newest) return 'current'
  return last < newest ? 'older' : 'newer'
}
