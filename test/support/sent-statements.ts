import { AsyncLocalStorage } from 'node:async_hooks'
import { fillPlaceholders } from 'drizzle-orm'
import { PostgresJsPreparedQuery } from 'drizzle-orm/postgres-js'

/** What was sent to Postgres. */
export interface SentStatement {
  text: string
  parameters: unknown[]
  /** Whether it was built before, and is prepared by the server where it may be. */
  isPrepared: boolean
}

/** The inside of what Drizzle sends every statement through. */
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

/** Does the work, and returns what it sent to Postgres; not what others of this process sent meanwhile. */
export async function sentStatements(work: () => Promise<unknown>): Promise<SentStatement[]> {
  const sent: SentStatement[] = []
  await watched.run(sent, work)
  return sent
}
