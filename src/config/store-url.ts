import { isIP } from 'node:net'
import { InvalidValue } from './setting.js'

export interface Place {
  /** A host name, an IP address (IPv6 without brackets) or the folder of a socket. */
  host: string
  port: number
}

export interface StoreUrlParts {
  user: string | undefined
  password: string | undefined
  /** Hosts and ports, not decoded. */
  authority: string
  /** With its first slash, not decoded. */
  path: string
  query: ReadonlyMap<string, string>
}

const encodingHint =
  'write characters such as / ? # @ % in a user or a password percent-encoded, as %2F %3F %23 %40 %25'

/**
 * Splits the address of a store. An address in which the end of the password is ambiguous is rejected: a driver would
 * use the rest of the password as a host, and a log would show it.
 *
 * @throws InvalidValue
 */
export function splitStoreUrl(text: string): StoreUrlParts {
  const [, authority = '', path = '', search = ''] = /^\w+:\/\/([^/?]*)([^?]*)(?:\?(.*))?$/s.exec(text) ?? []
  if (text.includes('#') || /[@\s]/.test(path + search) || authority.split('@').length > 2) {
    throw new InvalidValue(`is not a valid address: ${encodingHint}`)
  }
  const at = authority.indexOf('@')
  const [user = '', ...password] = at === -1 ? [] : authority.slice(0, at).split(':')
  return {
    user: decode(user) || undefined,
    password: decode(password.join(':')) || undefined,
    authority: authority.slice(at + 1),
    path,
    query: readQuery(search),
  }
}

/** Adds a password to an address that contains none, as a parameter, which Postgres and Redis addresses both have. */
export function withPassword(address: string, password: string | undefined): string {
  if (password === undefined) return address
  return `${address}${address.includes('?') ? '&' : '?'}password=${encodeURIComponent(password)}`
}

/** A plus sign stays a plus sign, as in libpq. Decoding it as a space, as forms do, would change passwords. */
function readQuery(search: string): ReadonlyMap<string, string> {
  const query = new Map<string, string>()
  for (const pair of search.split('&').filter(text => text !== '')) {
    const [name = '', ...value] = pair.split('=')
    if (query.has(decode(name))) throw new InvalidValue('contains a parameter twice: remove one')
    query.set(decode(name), decode(value.join('=')))
  }
  return query
}

/** Reads hosts, each with or without a port. */
export function placesOf(texts: readonly string[], defaultPort: number): readonly Place[] {
  return texts.map(text => {
    const place = /^(\[.*\]|\/.*|[^:]*)(?::(\d+))?$/.exec(text)
    if (!place)
      throw new InvalidValue('is not a valid address: write the port as a number, and an IPv6 address in brackets')
    const written = decode(place[1]!)
    const host = written.replace(/^\[(.*)\]$/, '$1')
    if (host === '') throw new InvalidValue('must contain a host')
    const isHost = written.startsWith('[') ? isIP(host) === 6 : host.startsWith('/') || /^[\w.-]+$/.test(host)
    if (!isHost) throw new InvalidValue('is not a valid address: it needs a host name or an IP address')
    return { host, port: place[2] === undefined ? defaultPort : portOf(place[2]) }
  })
}

export function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (port < 1 || port > 65_535)
    throw new InvalidValue('is not a valid address: the port must be a number from 1 to 65535')
  return port
}

/** Drivers decode too, and would throw later, where the error is not handled. */
export function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new InvalidValue(`cannot be decoded: ${encodingHint}`)
  }
}
