import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { checkServerIdentity } from 'node:tls'
import type postgres from 'postgres'
import { type PostgresUrl, readPostgresUrl } from '../../config/postgres-url.js'

/** What is known of the way to Postgres; all connections of a process share it. */
export interface Route {
  /** Whether a pooler gives each transaction another connection to the server, so that no session is ours. */
  isPooled: boolean
}

export interface ConnectionOptions {
  url: string
  /** Off says that there is a pooler in transaction mode; see {@link Route}. */
  prepare: boolean
  /** Found out by each set of connections for itself if not given. */
  route?: Route
  caFile: string | undefined
  /** How long a statement may take, connecting included, before it is given up. */
  timeoutMs: number
  applicationName?: string
}

/** The identifier that Postgres gives `text[]`. */
const TEXT_ARRAY = 1009
/** Connecting takes milliseconds. What takes longer comes from a network that swallows, and others wait behind it. */
const CONNECT_TIMEOUT_MS = 2000

/** What the settings and the address say of the way, before it is known. */
export function expectedRoute({ url, prepare }: Pick<ConnectionOptions, 'url' | 'prepare'>): Route {
  return { isPooled: !prepare || !readPostgresUrl(url).prepare }
}

/** The options of every postgres.js client of this service. */
export function clientOptions(options: ConnectionOptions): postgres.Options<Record<string, postgres.PostgresType>> {
  const url = readPostgresUrl(options.url)
  const { user, password, database, socket, targetSessionAttrs } = url
  const { isPooled } = options.route ?? expectedRoute(options)
  return {
    // The driver is given what the address says, and never the address itself: it would take it apart otherwise than
    // libpq, and hand what it does not know to the server.
    ...({ host: url.places.map(({ host }) => host), port: url.places.map(({ port }) => port) } as object),
    ...(socket !== undefined && { path: socket }),
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
    ...(database !== undefined && { database }),
    ...(targetSessionAttrs !== undefined && { target_session_attrs: targetSessionAttrs }),
    ssl: tlsOptions(url, options.caFile),
    ...({ sslnegotiation: url.sslnegotiation } as object),
    max: 1,
    prepare: !isPooled,
    // Asking the server for the types of arrays would be a statement of postgres.js' own, whose failure nobody can
    // catch. Our tables have one such type, and Drizzle writes its values itself.
    fetch_types: false,
    types: { textArray: { to: TEXT_ARRAY, from: [TEXT_ARRAY], parse: parseTextArray, serialize: String } },
    connect_timeout: Math.min(options.timeoutMs, url.connectTimeoutMs ?? CONNECT_TIMEOUT_MS) / 1000,
    backoff: attempt => Math.min(0.05 * 2 ** attempt, 1),
    connection: {
      application_name: options.applicationName ?? 'latchkey',
      ...(isPooled ? {} : sessionSettings(options.timeoutMs)),
      ...url.session,
    },
    onnotice: () => {},
  }
}

/**
 * What sslmode means, as libpq has it, but for two things: an authority is always asked, whatever the mode, and it
 * vouches for the name of the host as well, unless the mode is verify-ca.
 */
function tlsOptions({ sslmode, socket, caFile, places }: PostgresUrl, caFileOfOptions: string | undefined) {
  if (socket !== undefined || sslmode === 'disable') return false
  const authority = caFileOfOptions ?? caFile
  if (authority === undefined && !sslmode.startsWith('verify-')) return sslmode === 'require' ? 'require' : 'prefer'
  return {
    ...(authority !== undefined && { ca: readFileSync(authority, 'utf8') }),
    checkServerIdentity: sslmode === 'verify-ca' ? () => undefined : identityOf(places),
  }
}

/** Where an address is given instead of a name, the driver says nothing to TLS, and Node would ask for "localhost". */
function identityOf(places: PostgresUrl['places']): typeof checkServerIdentity {
  const hosts = places.map(({ host }) => host)
  const addresses = hosts.filter(host => isIP(host) !== 0)
  return (name, certificate) => {
    const wanted = hosts.includes(name) || addresses.length === 0 ? [name] : addresses
    const problems = wanted.map(host => checkServerIdentity(host, certificate))
    return problems.includes(undefined) ? undefined : problems[0]
  }
}

/**
 * What every connection of ours sets for itself, whatever the database or the role has as its default: all that changes
 * the form of a value, what a statement means, whether a commit is kept, or how long anything may take.
 *
 * What only makes a statement faster or slower is left to the operator, except for the JIT, which compiles statements
 * that take a millisecond. So is `search_path`, which says where the tables are, and `default_transaction_read_only`,
 * with which operators and hosting services close a database to writes.
 *
 * @param timeoutMs how long a statement may take, and a transaction may wait for its next one; 0 is without limit
 */
export function sessionSettings(timeoutMs: number): Readonly<Record<string, string>> {
  return {
    DateStyle: 'ISO, MDY',
    IntervalStyle: 'postgres',
    TimeZone: 'UTC',
    extra_float_digits: '1',
    bytea_output: 'hex',
    array_nulls: 'on',
    standard_conforming_strings: 'on',
    transform_null_equals: 'off',
    default_transaction_isolation: 'read committed',
    default_transaction_deferrable: 'off',
    // Who is told that a session has ended may rely on it, even if the server is cut off from power a moment later.
    synchronous_commit: 'on',
    jit: 'off',
    plan_cache_mode: 'auto',
    statement_timeout: String(timeoutMs),
    idle_in_transaction_session_timeout: String(timeoutMs),
    // A lock is waited for as long as its statement may take.
    lock_timeout: '0',
    idle_session_timeout: '0',
  }
}

/** The same for the transaction under way, as statements of the simple protocol. */
export function setLocally(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `set local ${name} = '${value}'`)
    .join('; ')
}

/**
 * The elements of a `text[]` as Postgres writes it (its manual, 8.15.6), without those that are null: they are nobody's
 * role. Drizzle's own function loses each backslash, so that the role `ad\min` would be read as `admin`.
 */
export function parseTextArray(written: string): string[] {
  // Bounds are only there if an array does not begin with its first element.
  const body = written.replace(BOUNDS, '')
  const elements: string[] = []
  for (const [, quoted, bare] of body.matchAll(ELEMENT))
    if (quoted !== undefined) elements.push(quoted.replace(ESCAPE, '$1'))
    else if (bare !== 'NULL') elements.push(bare!)
  return elements
}

const BOUNDS = /^[[\]\d:-]+=/
/** In quotation marks where it is empty, reads NULL, or has a character that means something to the form. */
const ELEMENT = /"((?:[^"\\]|\\.)*)"|([^{},"]+)/gs
const ESCAPE = /\\(.)/gs
