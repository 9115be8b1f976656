import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { checkServerIdentity } from 'node:tls'
import type postgres from 'postgres'
import { type PostgresUrl, readPostgresUrl } from '../config/postgres-url.js'
import { parseTextArray } from './parse-text-array.js'
import { sessionSettings } from './session-settings.js'

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
