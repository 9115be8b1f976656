import { foreignAddress, respellingOf, wanted } from './foreign-address.js'
import { InvalidValue, type Kind } from './setting.js'
import { decode, type Place, placesOf, splitStoreUrl } from './store-url.js'

export const redisUrl: Kind<string> = {
  accepts: 'a redis://, rediss:// or unix:// address',
  parse(text) {
    readRedisUrl(text)
    return text
  },
}

/** The parts and parameters of a Redis address. */
export interface RedisUrl {
  /** Several only for a Redis Cluster or for Sentinels. */
  places: readonly Place[]
  /** The socket of a server on this machine, instead of `places`. */
  socket: string | undefined
  username: string | undefined
  password: string | undefined
  db: number
  tls: 'none' | 'verified' | 'unverified'
  /** 4 or 6 to connect only by IPv4 or only by IPv6. */
  family: 0 | 4 | 6
}

const insteadOf: Readonly<Record<string, string>> = {
  tls: 'write rediss:// for TLS',
  ssl: 'write rediss:// for TLS',
  ssl_ca_certs: 'set REDIS_CA_FILE',
}

/** Libraries use four schemes for Sentinels, with the name of the master in three different places. */
const insteadOfSentinelScheme =
  'has a scheme for Sentinels: write redis:// (or rediss:// for TLS) followed by all Sentinels, such as ' +
  'redis://:password@sentinel-1:26379,sentinel-2:26379/0, and set REDIS_SENTINEL_MASTER to the name of the master'

/**
 * Reads a Redis address. A parameter is supported, or rejected.
 *
 * @throws InvalidValue without any value, which could be a secret
 */
export function readRedisUrl(text: string, defaultPort = 6379): RedisUrl {
  if (/^[a-z+-]*sentinels?:/i.test(text)) throw new InvalidValue(insteadOfSentinelScheme)
  const scheme = /^(rediss?|unix):\/\//.exec(text)?.[1]
  if (!scheme) {
    const respelling = respellingOf('REDIS_URL', text)
    if (respelling !== undefined) throw new InvalidValue(respelling)
    const foreign = foreignAddress('REDIS_URL', text)
    throw new InvalidValue(`${foreign === undefined ? 'must be' : `${foreign}: set it to`} ${wanted.REDIS_URL}`)
  }
  const { authority, path, query, ...credentials } = splitStoreUrl(text)
  for (const name of query.keys()) rejectUnknownParameter(name)
  const username = query.get('username') ?? credentials.user
  const password = query.get('password') ?? credentials.password
  const common = { username, password, family: familyOf(query.get('family')) }
  if (scheme === 'unix') {
    if (authority !== '' || path === '')
      throw new InvalidValue('must be an address such as unix:///run/redis/redis.sock')
    return { ...common, places: [], socket: decode(path), db: dbOf(query.get('db') ?? ''), tls: 'none' }
  }
  return {
    ...common,
    places: placesOf(authority.split(','), defaultPort),
    socket: undefined,
    db: dbOf(query.get('db') ?? decode(path.slice(1))),
    tls: scheme === 'redis' ? 'none' : verificationOf(query.get('ssl_cert_reqs')),
  }
}

function rejectUnknownParameter(name: string): void {
  if (['db', 'username', 'password', 'family', 'ssl_cert_reqs'].includes(name)) return
  const shown = /^\w{1,40}$/.test(name) ? `the parameter ${name}` : 'a parameter'
  const fix = Object.hasOwn(insteadOf, name) ? `, and ${insteadOf[name]}` : ''
  throw new InvalidValue(`has ${shown}, which Latchkey does not support: remove it${fix}`)
}

function dbOf(text: string): number {
  if (!/^\d{0,5}$/.test(text)) throw new InvalidValue('must have a number as its database, such as redis://host:6379/1')
  return Number(text)
}

function familyOf(text = '0'): 0 | 4 | 6 {
  const family = ([0, 4, 6] as const).find(known => String(known) === text)
  if (family === undefined) throw new InvalidValue('must have 0, 4 or 6 as family')
  return family
}

/** The parameter of redis-py. Providers whose certificates come from an unknown authority use it. */
function verificationOf(text = 'required'): 'verified' | 'unverified' {
  if (text === 'required') return 'verified'
  if (text === 'none') return 'unverified'
  throw new InvalidValue('must have ssl_cert_reqs=required or none')
}
