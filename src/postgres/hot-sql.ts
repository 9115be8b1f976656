import type { SQL } from 'drizzle-orm'
import { PgDialect } from 'drizzle-orm/pg-core'
import { hotStatement, type Statement } from './connections.js'

const dialect = new PgDialect({ casing: 'snake_case' })

/**
 * A hot statement in plain SQL, with placeholders. Its text is made once and costs nothing in a transaction either; its
 * rows are as the driver reads them, instants as text.
 */
export function hotSql<Arguments extends object, Row>(name: string, text: SQL): Statement<Arguments, Row> {
  const query = dialect.sqlToQuery(text)
  return hotStatement(name, executor =>
    executor._.session.prepareQuery<{ execute: Row[]; all: unknown; values: unknown }>(query, undefined, name, false),
  )
}
