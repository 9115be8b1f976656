import { DrizzleQueryError } from 'drizzle-orm'

/**
 * Whether no connection survives this error. It comes a moment before the connection is closed, and what is sent in
 * between would be lost too.
 */
export function endsConnection(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  // PgBouncer sends the severity in its localised form only, and does not translate it.
  const { syscall, severity_local, severity = severity_local, code } = error as ServerError
  return syscall !== undefined || severity === 'FATAL' || /^CONNECT(ION)?_/.test(code ?? '')
}

/** The unique index that a statement would have broken; undefined if it failed for another reason. */
export function brokenIndex(error: unknown): string | undefined {
  const { code, constraint_name: index } = redacted(error) as { code?: string; constraint_name?: string }
  return code === '23505' ? index : undefined
}

/** Drizzle's error holds the bound parameters (e-mails, hashes) in its message; only Postgres' own may go further. */
export function redacted(error: unknown): unknown {
  return error instanceof DrizzleQueryError ? (error.cause ?? new Error('a query failed')) : error
}

/** Whether a pooler refuses what a connection would set for its session; PgBouncer does, as it shares them. */
export function refusesSessionSettings(error: unknown): boolean {
  return error instanceof Error && /^unsupported startup parameter/.test(error.message)
}

interface ServerError {
  syscall?: string
  severity?: string
  severity_local?: string
  code?: string
}
