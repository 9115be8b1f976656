import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { checkServerIdentity } from 'node:tls'
import type postgres from 'postgres'
import { type PostgresUrl, readPostgresUrl } from '../../config/postgres-url.js'
import type { Place } from '../../config/store-url.js'

/** How this process reaches Postgres. All its connections share this object. */
export interface Route {
  /** Whether a pooler can use another server connection for each transaction, so that session settings do not last. */
  isPooled: boolean
  /** Only if the address leaves a choice of servers, or requires the primary. */
  primary?: PrimaryLocator | undefined
}

/** Knows which server of an address can be written to; see {@link file://./primary.ts}. */
export interface PrimaryLocator {
  /**
   * The server to connect to; asks all servers unless it is known.
   *
   * @throws Error of a server, or that none is the primary
   */
  find(): Promise<Place>
  /** Asks again at the next use, unless another server has been found since. */
  forget(place: Place | undefined): void
}

export interface ConnectionOptions {
  url: string
  /** False if there is a pooler in transaction mode; see {@link Route}. */
  prepare: boolean
  /** By default, what the address and `prepare` say. */
  route?: Route
  caFile: string | undefined
  /** The longest time for a statement, connecting included. */
  timeoutMs: number
  applicationName?: string
}

/** The identifier that Postgres gives `text[]`. */
const TEXT_ARRAY = 1009
/**
 * Connecting takes milliseconds. If it takes longer, the network drops packets, and other statements wait meanwhile.
 */
const CONNECT_TIMEOUT_MS = 2000

/** Whether the settings or the address name a pooler. A refused parameter can still reveal one. */
export function namesPooler({ url, prepare }: Pick<ConnectionOptions, 'url' | 'prepare'>): boolean {
  return !prepare || !readPostgresUrl(url).prepare
}

/** The options of every postgres.js client of this service; of several servers they name the first. */
export function clientOptions(options: ConnectionOptions): postgres.Options<Record<string, postgres.PostgresType>> {
  const url = readPostgresUrl(options.url)
  const { user, password, database, socket } = url
  const isPooled = options.route?.isPooled ?? namesPooler(options)
  return {
    // The driver gets the parsed parts, never the address: it would parse it differently from libpq, and send unknown
    // parameters to the server. It gets one server: with several, it connects again and again without a pause while
    // none can be used, and it takes a standby for a server that can be written to (docs/adr/0003-connections.md).
    ...({
      host: url.places.slice(0, 1).map(({ host }) => host),
      port: url.places.slice(0, 1).map(({ port }) => port),
    } as object),
    ...(socket !== undefined && { path: socket }),
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
    ...(database !== undefined && { database }),
    ssl: tlsOptions(url, options.caFile),
    ...({ sslnegotiation: url.sslnegotiation } as object),
    max: 1,
    prepare: !isPooled,
    // To read the types of arrays from the server, postgres.js would send a statement whose failure cannot be caught.
    // Our tables have one such type, and Drizzle writes its values itself.
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
 * The meaning of sslmode, as in libpq with two exceptions: if a CA file is set, the certificate is verified in every
 * mode, and the name of the host too unless the mode is verify-ca.
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

/** For an IP address the driver passes no name to TLS, and Node would check the certificate for "localhost". */
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
 * The settings of every connection, whatever the defaults of the database or the role are: all that change the format
 * of a value, the meaning of a statement, the durability of a commit, or a time limit.
 *
 * Settings that only change the speed of a statement are left to the operator, except the JIT, which would compile
 * statements that take a millisecond. Also left are `search_path`, which says where the tables are, and
 * `default_transaction_read_only`, with which operators and hosting services make a database read-only.
 *
 * @param timeoutMs the longest time for a statement, and between two statements of a transaction; 0 is no limit
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
    // A reported revocation must not be lost, even if the server loses power a moment later.
    synchronous_commit: 'on',
    jit: 'off',
    plan_cache_mode: 'auto',
    statement_timeout: String(timeoutMs),
    idle_in_transaction_session_timeout: String(timeoutMs),
    // The wait for a lock is limited by the time of its statement.
    lock_timeout: '0',
    idle_session_timeout: '0',
  }
}

/** Sets the same for the current transaction, as statements of the simple protocol. */
export function setLocally(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `set local ${name} = '${value}'`)
    .join('; ')
}

/**
 * The elements of a `text[]` as Postgres writes it (its manual, 8.15.6), without those that are null, which are no
 * roles. Drizzle's own function drops each backslash, so that it would read the role `ad\min` as `admin`.
 */
export function parseTextArray(written: string): string[] {
  // Bounds are written only if the first index is not 1.
  const body = written.replace(BOUNDS, '')
  const elements: string[] = []
  for (const [, quoted, bare] of body.matchAll(ELEMENT))
    if (quoted !== undefined) elements.push(quoted.replace(ESCAPE, '$1'))
    else if (bare !== 'NULL') elements.push(bare!)
  return elements
}

const BOUNDS = /^[[\]\d:-]+=/
/** Quoted if it is empty, is the text NULL, or contains a character with a meaning in this format. */
const ELEMENT = /"((?:[^"\\]|\\.)*)"|([^{},"]+)/gs
const ESCAPE = /\\(.)/gs
