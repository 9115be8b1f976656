import { DrizzleQueryError } from 'drizzle-orm'

/**
 * Whether no connection survives this error. It comes a moment before the connection is closed, and what is sent in
 * between would be lost too.
 */
export function endsConnection(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { syscall, severity, code } = error as { syscall?: string; severity?: string; code?: string }
  return syscall !== undefined || severity === 'FATAL' || /^CONNECT(ION)?_/.test(code ?? '')
}

/** Drizzle's error holds the bound parameters (e-mails, hashes) in its message; only Postgres' own may go further. */
export function redacted(error: unknown): unknown {
  return error instanceof DrizzleQueryError ? (error.cause ?? new Error('a query failed')) : error
}
