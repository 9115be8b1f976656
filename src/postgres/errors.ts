import { isIP } from 'node:net'
import { DrizzleQueryError } from 'drizzle-orm/errors'
import { readPostgresUrl } from '../config/postgres-url.js'
import { codeOf, isTlsError, messageOf, NETWORK_ERROR_CODES } from '../lib/error-facts.js'

// What the codes of Postgres (SQLSTATE, its manual, appendix A) and of the driver mean. No other file contains them.

/**
 * Whether Postgres cannot be reached or written to now, so that a retry soon makes sense. Does not check `cause`. Redis'
 * network errors have the same codes.
 */
export function isPostgresUnavailable(error: unknown): boolean {
  return isUnreachable(codeOf(error)) || RETRY_CODES.has(codeOf(error))
}

/** Whether the connection cannot be used after this error. The connection is closed a moment after the error arrives. */
export function endsConnection(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  // PgBouncer sends the severity in its localised form only, and does not translate it.
  const { syscall, severity_local, severity = severity_local, code } = error as ServerError
  return syscall !== undefined || severity === 'FATAL' || /^CONNECT(ION)?_/.test(code ?? '')
}

/** Whether the server rolled back a transaction because of a conflict with another one, or a deadlock. */
export function isTransactionConflict(error: unknown): boolean {
  return CONFLICT_CODES.includes(codeOf(error))
}

/** Whether the server refused a change because it is read-only: a standby, or a closed database. */
export function isReadOnlyServer(error: unknown): boolean {
  return codeOf(error) === READ_ONLY
}

/** The unique index that a statement violated; undefined if it failed for another reason. */
export function violatedUniqueIndex(error: unknown): string | undefined {
  const { code, constraint_name: index } = redacted(error) as { code?: string; constraint_name?: string }
  return code === '23505' ? index : undefined
}

/** Whether a schema, table, column or function does not exist, so the tables are those of another version. */
export function isMissingTable(error: unknown): boolean {
  return ['3F000', '42P01', '42703', '42883'].includes(codeOf(error))
}

/** Whether Postgres rejected a value. It quotes the value in the message. */
export function isDataException(error: Error): boolean {
  return 'severity' in error && codeOf(error).startsWith('22')
}

/** Whether a pooler refused a setting of the session. PgBouncer does this, because clients share its connections. */
export function refusesSessionSettings(error: unknown): boolean {
  return /^unsupported startup parameter/.test(messageOf(error))
}

/** Removes Drizzle's error, whose message contains the bound parameters (e-mails, hashes); Postgres' own error remains. */
export function redacted(error: unknown): unknown {
  return error instanceof DrizzleQueryError ? (error.cause ?? new Error('a query failed')) : error
}

/** Errors of our own sockets, with the codes of the driver. */
export const socketErrors = {
  timeout: () => Object.assign(new Error('Postgres did not answer in time'), { code: 'CONNECT_TIMEOUT' }),
  closed: () => Object.assign(new Error('Postgres closed the connection'), { code: 'CONNECTION_CLOSED' }),
}

/** Every server of an address that has several answers, and none can be written to. */
export function noPrimary(): Error {
  return Object.assign(new Error('no server that DATABASE_URL names is the primary'), { code: NO_PRIMARY })
}

/** A read that must not be answered by a standby was. The code is that of a write to it. */
export function standbyAnswered(): Error {
  return Object.assign(new Error('Postgres is a standby; DATABASE_URL must name the primary'), { code: READ_ONLY })
}

/** Whether Postgres or a pooler sent it, and it does not come from the network or from this process. */
export function isServerError(error: unknown): boolean {
  const { severity, severity_local } = (redacted(error) ?? {}) as ServerError
  return severity !== undefined || severity_local !== undefined
}

interface ServerError {
  syscall?: string
  severity?: string
  severity_local?: string
  code?: string
}

/** serialization_failure and deadlock_detected. */
const CONFLICT_CODES: readonly string[] = ['40001', '40P01']
/** read_only_sql_transaction. */
const READ_ONLY = '25006'
const NO_PRIMARY = 'CONNECT_NO_PRIMARY'

/**
 * Postgres is reached, but this work can only succeed later: a read-only server, a transaction or a statement that took
 * too long, a conflict that an immediate retry did not resolve, a connection that was idle for too long.
 */
const RETRY_CODES: ReadonlySet<string> = new Set([READ_ONLY, ...CONFLICT_CODES, '25P03', '25P04', '57014', '57P05'])

const UNREACHABLE_CODES: ReadonlySet<string> = new Set([
  ...NETWORK_ERROR_CODES,
  ...[NO_PRIMARY, 'CONNECT_TIMEOUT', 'CONNECTION_CLOSED', 'CONNECTION_ENDED', 'CONNECTION_DESTROYED'],
  // Too many connections, a shutdown, a crash, and a start that is not finished.
  ...['53300', '57P01', '57P02', '57P03'],
])

/** Class 08 of SQLSTATE contains the connection exceptions. */
function isUnreachable(code: string): boolean {
  return UNREACHABLE_CODES.has(code) || /^08[0-9A-Z]{3}$/.test(code)
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

/** Whether waiting can help: the port is closed, the host name is unknown, or Postgres is still starting. */
export function isNotReadyYet(error: unknown): boolean {
  const code = codeOf(withCode(error))
  if (refusedParameter(withCode(error)) !== undefined) return false
  // Our own connections reject with this code if Postgres does not answer.
  return isUnreachable(code) || code === 'store_unavailable'
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
  if (code === NO_PRIMARY) {
    return `${postgres} cannot be written to: every server there is a standby. Promote one, or name the primary in ${variable}.`
  }
  if (code === '53300')
    return `${postgres} has no free connection: ${reason}. Lower DATABASE_POOL_SIZE, or raise its limit.`
  if (isNotReadyYet(error)) return `${postgres} cannot be reached (${code}): start it, or correct ${variable}.`
  if (code === '28P01') {
    const password = variable.replace('URL', 'PASSWORD')
    return `${postgres} refuses the user or the password: correct ${variable} or ${password}.`
  }
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

/** Drizzle and our own connections wrap the errors of the driver. The error of the driver has the precise code. */
function withCode(error: unknown): unknown {
  const isWrapper = error instanceof Error && ['', 'store_unavailable'].includes(codeOf(error))
  return isWrapper && error.cause instanceof Error ? error.cause : error
}

/** The connection parameter that PgBouncer rejects as unknown. Undefined for other errors. */
function refusedParameter(error: unknown): string | undefined {
  return /^unsupported startup parameter(?: in options)?: (.+)$/.exec(messageOf(error))?.[1]
}

/** Host, port and database of an address, without its user and its password. The text is built from the parsed parts, never by cutting secrets out of an address. */
export function withoutSecrets(text: string): string {
  try {
    const { places, socket, database } = readPostgresUrl(text)
    const servers = places.map(({ host, port }) => `${isIP(host) === 6 ? `[${host}]` : host}:${port}`)
    return `${socket ?? servers.join(',')}${database === undefined ? '' : `/${database}`}`
  } catch {
    return 'an address that cannot be read'
  }
}
