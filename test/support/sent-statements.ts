import { AsyncLocalStorage } from 'node:async_hooks'
import { fillPlaceholders } from 'drizzle-orm'
import { PostgresJsPreparedQuery } from 'drizzle-orm/postgres-js'

/** A statement that was sent to Postgres. */
export interface SentStatement {
  text: string
  parameters: unknown[]
  /** Whether it was built in advance, and is prepared by the server where that is allowed. */
  isPrepared: boolean
}

/** The internals of the class through which Drizzle sends every statement. */
interface Sending {
  queryString: string
  params: unknown[]
  prepare: boolean
  execute(placeholders?: Record<string, unknown>): Promise<unknown>
}

const watched = new AsyncLocalStorage<SentStatement[]>()
const inside = PostgresJsPreparedQuery.prototype as unknown as Sending
const { execute } = inside
inside.execute = function (placeholders = {}) {
  watched.getStore()?.push({
    text: this.queryString,
    parameters: fillPlaceholders(this.params, placeholders),
    isPrepared: this.prepare,
  })
  return execute.call(this, placeholders)
}

/** Does the work, and returns the statements that it sent to Postgres; not those of other work in this process. */
export async function sentStatements(work: () => Promise<unknown>): Promise<SentStatement[]> {
  const sent: SentStatement[] = []
  await watched.run(sent, work)
  return sent
}
