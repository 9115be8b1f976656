import { isIP } from 'node:net'
import { readPostgresUrl } from '../config/postgres-url.js'
import { STORE_AWAY_CODES } from '../store-away.js'

/** Which address was used, and the variable that names it. */
export interface PostgresAddress {
  variable: 'DATABASE_URL' | 'DATABASE_MIGRATION_URL'
  url: string
}

/**
 * Says what keeps a start from using Postgres and what an operator can do about it, without the password. The original
 * error becomes the cause.
 */
export function explainPostgresError(error: unknown, address: PostgresAddress): Error {
  return new Error(explain(withCode(error), address), { cause: error })
}

/** Whether waiting may help: nobody listens there yet, the name is not known yet, or Postgres is still starting. */
export function isNotThereYet(error: unknown): boolean {
  const code = codeOf(withCode(error))
  if (refusedParameter(withCode(error)) !== undefined) return false
  return ABSENT_CODES.has(code) || code.startsWith('08')
}

function explain(error: unknown, { variable, url }: PostgresAddress): string {
  const code = codeOf(error)
  const reason = error instanceof Error && error.message !== '' ? error.message.replace(/\.$/, '') : code
  const postgres = `Postgres at ${withoutSecrets(url)}`
  const refused = refusedParameter(error)
  if (refused === 'search_path' || (refused === 'options' && url.includes('search_path'))) {
    // If the pooler ignored it, other tables would be found.
    return (
      `The pooler at ${withoutSecrets(url)} refuses the parameter ${refused}, by which ${variable} asks for a search_path: ` +
      'remove it there, and set it for the role (alter role … set search_path = …).'
    )
  }
  if (refused !== undefined) {
    return (
      `The pooler at ${withoutSecrets(url)} refuses the parameter ${refused}, which the query of ${variable} asks for: ` +
      `remove it there, or add "ignore_startup_parameters = ${refused}" to pgbouncer.ini.`
    )
  }
  // What PgBouncer has to say, it says all under this code.
  if (code === '08P01') return `${postgres} can't be reached: ${reason} (${code}). Mend that, or correct ${variable}.`
  // So says Node when what it takes for the beginning of TLS is the end of the connection.
  if (reason.includes('before secure TLS connection')) {
    return `${postgres} offers no TLS: turn it on there, or write sslmode=disable in ${variable}.`
  }
  if (isNotThereYet(error)) return `${postgres} can't be reached (${code}): start it, or correct ${variable}.`
  if (code === '28P01') return `${postgres} refuses the user or the password: correct ${variable}.`
  if (code === '28000') return `${postgres} refuses the connection: ${reason}. Correct ${variable}, or its pg_hba.conf.`
  if (code === '3D000') return `${postgres} says: ${reason}. Create it, or correct ${variable}.`
  if (code === '42501') {
    return (
      `${postgres} says: ${reason}. Its user may not bring the tables up to date: grant it CREATE there, ` +
      'or give DATABASE_MIGRATION_URL with a user that may.'
    )
  }
  if (/^ERR_(TLS|SSL)_|CERT|SELF_SIGNED|_SIGNATURE$/.test(code)) {
    return `${postgres} can't be reached by TLS: ${reason}. Correct ${variable} (its sslmode) or DATABASE_CA_FILE.`
  }
  return `${postgres}, which ${variable} names, can't be used: ${reason}.`
}

/** Beside what is away: our own limit over the driver's. */
const ABSENT_CODES: ReadonlySet<string> = new Set([...STORE_AWAY_CODES, 'store_unavailable'])

/** Drizzle and our own connections wrap the errors of the driver, which have the code that says most. */
function withCode(error: unknown): unknown {
  const isWrapper = error instanceof Error && ['', 'store_unavailable'].includes(codeOf(error))
  return isWrapper && error.cause instanceof Error ? error.cause : error
}

/** The parameter of a connection that PgBouncer does not know, if that is what it says. */
function refusedParameter(error: unknown): string | undefined {
  const message = error instanceof Error ? error.message : ''
  return /^unsupported startup parameter(?: in options)?: (.+)$/.exec(message)?.[1]
}

function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : ''
}

/** Host, port and database: what is shown is put together from what was read, and never cut out of an address. */
function withoutSecrets(text: string): string {
  try {
    const { places, socket, database } = readPostgresUrl(text)
    const servers = places.map(({ host, port }) => `${isIP(host) === 6 ? `[${host}]` : host}:${port}`)
    return `${socket ?? servers.join(',')}${database === undefined ? '' : `/${database}`}`
  } catch {
    return 'an address that cannot be read'
  }
}
