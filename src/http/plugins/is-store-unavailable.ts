import { CONNECTION_ERROR_CODES } from '../../lib/connection-errors.js'
import { isRedisUnavailable } from '../../redis/errors.js'

/**
 * Whether an error says that Postgres or Redis could not be reached or may not be written to now, so that trying again
 * in a moment makes sense. Looks into `cause` and into the parts of an AggregateError, as drivers and Drizzle wrap.
 */
export function isStoreUnavailable(error: unknown, depth = 0): boolean {
  // A chain of causes may be a cycle; nobody wraps deeper than this.
  if (!(error instanceof Error) || depth > 5) return false
  const { code } = error as { code?: unknown }
  if (typeof code === 'string' && (UNAVAILABLE_CODES.has(code) || POSTGRES_CONNECTION_CLASS.test(code))) return true
  if (isRedisUnavailable(error)) return true
  if (error instanceof AggregateError && error.errors.some(part => isStoreUnavailable(part, depth + 1))) return true
  return isStoreUnavailable(error.cause, depth + 1)
}

/** SQLSTATE class 08: connection exceptions. */
const POSTGRES_CONNECTION_CLASS = /^08[0-9A-Z]{3}$/

/**
 * Beside what is away: read only, a transaction or a statement that took too long, a collision with another transaction
 * that trying again at once did not mend, and a connection that was idle for too long.
 */
const UNAVAILABLE_CODES: ReadonlySet<string> = new Set([
  ...CONNECTION_ERROR_CODES,
  ...['25006', '25P03', '25P04', '57014', '40001', '40P01', '57P05'],
])
