import type { TestDatabase } from './test-database.js'

/** Counts the updates of rows of a table, and how many of them were HOT: without a change of an index. */
export async function countUpdates(
  { admin }: Pick<TestDatabase, 'admin'>,
  table: string,
): Promise<{ all: number; inPlace: number }> {
  // A backend reports its counts when it ends, or otherwise up to ten seconds later.
  await admin`select pg_terminate_backend(pid, 5000) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`
  const [row] = await admin`
    select n_tup_upd::int as all, n_tup_hot_upd::int as hot from pg_stat_user_tables where relname = ${table}`
  return { all: row!.all, inPlace: row!.hot }
}
