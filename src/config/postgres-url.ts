import { isIP } from 'node:net'
import { foreignAddress, respellingOf, wanted } from './foreign-address.js'
import { InvalidValue, type Kind } from './setting.js'
import { decode, type Place, placesOf, portOf, splitStoreUrl } from './store-url.js'
import { certificateFile } from './value-kinds.js'

/** The address of one Postgres, or of several replicas (`host1:5432,host2:5432`). */
export const postgresUrl: Kind<string> = {
  accepts: 'a postgres:// or postgresql:// address',
  parse(text) {
    readPostgresUrl(text)
    return text
  },
}

/** As in libpq (PostgreSQL documentation, "SSL Support"). */
const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const

/** The parts and parameters of a Postgres address. */
export interface PostgresUrl {
  /** One server, or several replicas. */
  places: readonly Place[]
  /** The socket of a server on this machine, instead of `places`. */
  socket: string | undefined
  user: string | undefined
  password: string | undefined
  database: string | undefined
  sslmode: (typeof SSL_MODES)[number]
  /** The file of the certificate authority, if the address names one. */
  caFile: string | undefined
  sslnegotiation: 'postgres' | 'direct'
  connectTimeoutMs: number | undefined
  targetSessionAttrs: 'read-write' | 'primary' | undefined
  /** False if the address says that there is a pooler without prepared statements. */
  prepare: boolean
  /** The search_path, from any of the parameters that can set it. */
  searchPath: string | undefined
  /** Parameters that are passed to the server as they are. */
  session: Readonly<Record<string, string>>
}

/**
 * Reads a Postgres address as libpq does. Each parameter is supported, or known to have no effect here, or rejected:
 * none is ignored silently.
 *
 * @throws InvalidValue without any value, which could be a secret
 */
export function readPostgresUrl(text: string): PostgresUrl {
  if (!/^postgres(ql)?:\/\//.test(text)) {
    const respelling = respellingOf('DATABASE_URL', text)
    if (respelling !== undefined) throw new InvalidValue(respelling)
    const foreign = foreignAddress('DATABASE_URL', text)
    throw new InvalidValue(`${foreign === undefined ? 'must be' : `${foreign}: set it to`} ${wanted.DATABASE_URL}`)
  }
  const { user, password, authority, path, query } = splitStoreUrl(text)
  if (path.includes('/', 1))
    throw new InvalidValue('has more than one / after the host: write %2F in the name of the database')
  rejectUnknownParameters(query)
  const { places, socket } = serversOf(authority, query)
  return {
    places,
    socket,
    user: query.get('user') ?? user,
    password: query.get('password') ?? password,
    database: query.get('dbname') ?? (decode(path.slice(1)) || undefined),
    ...tlsOf(query),
    connectTimeoutMs: secondsOf(query.get('connect_timeout')),
    targetSessionAttrs: targetOf(query.get('target_session_attrs')),
    prepare: query.get('pgbouncer') !== 'true',
    searchPath: query.get('search_path') ?? searchPathIn(query.get('options') ?? ''),
    session: Object.fromEntries([...query].filter(([name]) => sessionParameters.includes(name))),
  }
}

/** As the server reads it: the last one applies, and a backslash escapes a space. */
function searchPathIn(options: string): string | undefined {
  const found = [...options.matchAll(/(?:^|\s)(?:-c\s*|--)search[_-]path=((?:\\.|\S)*)/gi)].at(-1)
  return found?.[1]?.replace(/\\(.)/g, '$1')
}

const sessionParameters = ['application_name', 'options', 'search_path']

const supportedParameters: readonly string[] = [
  ...['host', 'port', 'user', 'password', 'dbname', 'connect_timeout', 'target_session_attrs', 'pgbouncer'],
  ...['ssl', 'sslmode', 'sslrootcert', 'sslnegotiation', 'channel_binding'],
  ...sessionParameters,
]

/** Parameters that providers put into their addresses and that have no effect on this service. */
const ignoredParameters: readonly string[] = [
  ...['supa', 'workaround', 'uselibpqcompat', 'sslsni', 'sslcompression', 'client_encoding'],
  ...['fallback_application_name', 'keepalives', 'keepalives_idle', 'keepalives_interval', 'keepalives_count'],
]

const inSearchPath = 'name the schema as options=-c%20search_path%3Dname'
const insteadOf: Readonly<Record<string, string>> = {
  schema: inSearchPath,
  currentSchema: inSearchPath,
  connection_limit: 'set DATABASE_POOL_SIZE',
  pool_timeout: 'set DATABASE_TIMEOUT',
  statement_timeout: 'set DATABASE_TIMEOUT',
  hostaddr: 'write the IP address as the host',
  sslcert: 'use a user with a password, because Latchkey does not support client certificates',
  sslkey: 'use a user with a password, because Latchkey does not support client certificates',
}

function rejectUnknownParameters(query: ReadonlyMap<string, string>): void {
  for (const [name, value] of query) {
    if (supportedParameters.includes(name) || ignoredParameters.includes(name)) continue
    // Every value but `require` also allows a connection without GSSAPI.
    if (name === 'gssencmode' && value !== 'require') continue
    const shown = /^\w{1,40}$/.test(name) ? `the parameter ${name}` : 'a parameter'
    const fix =
      (Object.hasOwn(insteadOf, name) && insteadOf[name]) || 'write a server setting as options=-c%20name%3Dvalue'
    throw new InvalidValue(`has ${shown}, which Latchkey does not support: remove it, and ${fix}`)
  }
}

function serversOf(authority: string, query: ReadonlyMap<string, string>): Pick<PostgresUrl, 'places' | 'socket'> {
  const hosts = query
    .get('host')
    ?.split(',')
    .map(host => (isIP(host) === 6 ? `[${host}]` : host))
  const ports = query.get('port')?.split(',')
  const written = placesOf(hosts ?? authority.split(','), 5432)
  if (ports && ports.length !== 1 && ports.length !== written.length) {
    throw new InvalidValue('must have one port in total, or one port for each host')
  }
  const places = ports ? written.map(({ host }, i) => ({ host, port: portOf(ports[i] ?? ports[0]!) })) : written
  const folder = places.find(({ host }) => host.startsWith('/'))
  if (!folder) return { places, socket: undefined }
  if (places.length > 1) throw new InvalidValue('must contain only one server if that is the folder of a socket')
  return { places, socket: `${folder.host}/.s.PGSQL.${folder.port}` }
}

function tlsOf(query: ReadonlyMap<string, string>): Pick<PostgresUrl, 'sslmode' | 'caFile' | 'sslnegotiation'> {
  const root = query.get('sslrootcert')
  const said = query.get('sslmode') ?? { true: 'require', false: 'disable' }[query.get('ssl') ?? ''] ?? query.get('ssl')
  const sslmode = SSL_MODES.find(mode => mode === (said ?? (root === 'system' ? 'verify-full' : 'prefer')))
  if (!sslmode) throw new InvalidValue(`must have one of these values of sslmode: ${SSL_MODES.join(', ')}`)
  const caFile = root === undefined || root === 'system' ? undefined : certificateFile.parse(root)
  const sslnegotiation = query.get('sslnegotiation') === 'direct' ? 'direct' : 'postgres'
  if (sslmode === 'disable' && (root !== undefined || sslnegotiation === 'direct')) {
    throw new InvalidValue('has sslmode=disable together with a parameter for TLS: remove one of them')
  }
  if (query.get('channel_binding') !== 'require' && root !== 'system') return { sslmode, caFile, sslnegotiation }
  if (sslmode === 'disable')
    throw new InvalidValue('has channel_binding=require, which needs TLS: remove sslmode=disable')
  // The driver has no channel binding. Verifying the certificate also prevents an attacker in the middle.
  return { sslmode: 'verify-full', caFile, sslnegotiation }
}

/** Zero or less means no limit, as in libpq. */
function secondsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^-?\d{1,5}$/.test(text)) throw new InvalidValue('must have a whole number of seconds as connect_timeout')
  return Number(text) > 0 ? Number(text) * 1000 : undefined
}

function targetOf(text: string | undefined): PostgresUrl['targetSessionAttrs'] {
  if (text === undefined || text === 'any') return undefined
  if (text === 'read-write' || text === 'primary') return text
  throw new InvalidValue('must have target_session_attrs=read-write or primary, because Latchkey needs to write')
}
