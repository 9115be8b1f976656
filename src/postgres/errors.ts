import { isIP } from 'node:net'
import { DrizzleQueryError } from 'drizzle-orm'
import { readPostgresUrl } from '../config/postgres-url.js'
import { CONNECTION_ERROR_CODES, codeOf, isTlsError, messageOf } from '../lib/error-facts.js'

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
export function violatedUniqueIndex(error: unknown): string | undefined {
  const { code, constraint_name: index } = redacted(error) as { code?: string; constraint_name?: string }
  return code === '23505' ? index : undefined
}

/** Drizzle's error holds the bound parameters (e-mails, hashes) in its message; only Postgres' own may go further. */
export function redacted(error: unknown): unknown {
  return error instanceof DrizzleQueryError ? (error.cause ?? new Error('a query failed')) : error
}

/** Whether a pooler refuses what a connection would set for its session; PgBouncer does, as it shares them. */
export function refusesSessionSettings(error: unknown): boolean {
  return /^unsupported startup parameter/.test(messageOf(error))
}

interface ServerError {
  syscall?: string
  severity?: string
  severity_local?: string
  code?: string
}

/** An address of Postgres, and the variable that contains it. */
export interface PostgresAddress {
  variable: 'DATABASE_URL' | 'DATABASE_MIGRATION_URL'
  url: string
}

/**
 * Explains why a start cannot use Postgres and what an operator can do, without the password. The original error
 * becomes the cause.
 */
export function explainPostgresError(error: unknown, address: PostgresAddress): Error {
  return new Error(explain(withCode(error), address), { cause: error })
}

/** Whether waiting may help: the port is closed, the host name is unknown, or Postgres is still starting. */
export function isNotThereYet(error: unknown): boolean {
  const code = codeOf(withCode(error))
  if (refusedParameter(withCode(error)) !== undefined) return false
  return ABSENT_CODES.has(code) || code.startsWith('08')
}

function explain(error: unknown, { variable, url }: PostgresAddress): string {
  const code = codeOf(error)
  const reason = messageOf(error).replace(/\.$/, '') || code
  const postgres = `Postgres at ${withoutSecrets(url)}`
  const refused = refusedParameter(error)
  if (refused === 'search_path' || (refused === 'options' && url.includes('search_path'))) {
    // If the pooler ignored the parameter, the service would use the tables of another schema.
    return (
      `The pooler at ${withoutSecrets(url)} refuses the parameter ${refused}, with which ${variable} sets a search_path: ` +
      'remove it there, and set it for the role (alter role … set search_path = …).'
    )
  }
  if (refused !== undefined) {
    return (
      `The pooler at ${withoutSecrets(url)} refuses the parameter ${refused}, which ${variable} sets: ` +
      `remove it there, or add "ignore_startup_parameters = ${refused}" to pgbouncer.ini.`
    )
  }
  // PgBouncer reports all of its errors with this code.
  if (code === '08P01') return `${postgres} cannot be reached: ${reason} (${code}). Fix that, or correct ${variable}.`
  // Node reports this if the server closes the connection where TLS should begin.
  if (reason.includes('before secure TLS connection')) {
    return `${postgres} does not offer TLS: enable it there, or set sslmode=disable in ${variable}.`
  }
  if (isNotThereYet(error)) return `${postgres} cannot be reached (${code}): start it, or correct ${variable}.`
  if (code === '28P01') return `${postgres} refuses the user or the password: correct ${variable}.`
  if (code === '28000') return `${postgres} refuses the connection: ${reason}. Correct ${variable}, or its pg_hba.conf.`
  if (code === '3D000') return `${postgres} says: ${reason}. Create it, or correct ${variable}.`
  if (code === '42501') {
    return (
      `${postgres} says: ${reason}. Its user is not allowed to update the tables: grant it CREATE there, ` +
      'or set DATABASE_MIGRATION_URL with a user that is.'
    )
  }
  if (isTlsError(code)) {
    return `${postgres} cannot be reached with TLS: ${reason}. Correct ${variable} (its sslmode) or DATABASE_CA_FILE.`
  }
  return `${postgres}, set in ${variable}, cannot be used: ${reason}.`
}

/** The codes that mean an unreachable store, and our own timeout. */
const ABSENT_CODES: ReadonlySet<string> = new Set([...CONNECTION_ERROR_CODES, 'store_unavailable'])

/** Drizzle and our own connections wrap the errors of the driver. The error of the driver has the precise code. */
function withCode(error: unknown): unknown {
  const isWrapper = error instanceof Error && ['', 'store_unavailable'].includes(codeOf(error))
  return isWrapper && error.cause instanceof Error ? error.cause : error
}

/** The connection parameter that PgBouncer rejects as unknown. Undefined for other errors. */
function refusedParameter(error: unknown): string | undefined {
  return /^unsupported startup parameter(?: in options)?: (.+)$/.exec(messageOf(error))?.[1]
}

/** Host, port and database. The text is built from the parsed parts, never by cutting secrets out of an address. */
function withoutSecrets(text: string): string {
  try {
    const { places, socket, database } = readPostgresUrl(text)
    const servers = places.map(({ host, port }) => `${isIP(host) === 6 ? `[${host}]` : host}:${port}`)
    return `${socket ?? servers.join(',')}${database === undefined ? '' : `/${database}`}`
  } catch {
    return 'an address that cannot be read'
  }
}
