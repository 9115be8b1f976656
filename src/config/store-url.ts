import { isIP } from 'node:net'
import { InvalidValue } from './setting.js'

export interface Place {
  /** A name, an address (IPv6 without brackets) or the folder of a socket. */
  host: string
  port: number
}

export interface StoreUrlParts {
  user: string | undefined
  password: string | undefined
  /** Hosts and ports, as they are written. */
  authority: string
  /** With its first slash, as it is written. */
  path: string
  query: ReadonlyMap<string, string>
}

const encodingHint =
  'characters such as / ? # @ % in a user or a password are written percent-encoded, as %2F %3F %23 %40 %25'

/**
 * Takes the address of a store apart. One in which a password may end elsewhere than it seems is refused: a driver
 * would take the rest of it for a host, and a log would show it.
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

/** A plus is a plus, as libpq has it: a form's meaning of it would change passwords. */
function readQuery(search: string): ReadonlyMap<string, string> {
  const query = new Map<string, string>()
  for (const pair of search.split('&').filter(text => text !== '')) {
    const [name = '', ...value] = pair.split('=')
    if (query.has(decode(name))) throw new InvalidValue('has a parameter twice: remove one')
    query.set(decode(name), decode(value.join('=')))
  }
  return query
}

/** Reads hosts, each with its port or without one. */
export function placesOf(texts: readonly string[], defaultPort: number): readonly Place[] {
  return texts.map(text => {
    const place = /^(\[.*\]|\/.*|[^:]*)(?::(\d+))?$/.exec(text)
    if (!place)
      throw new InvalidValue('is not a valid address: a port is a number, and an IPv6 address is written in brackets')
    const written = decode(place[1]!)
    const host = written.replace(/^\[(.*)\]$/, '$1')
    if (host === '') throw new InvalidValue('must name a host')
    const isHost = written.startsWith('[') ? isIP(host) === 6 : host.startsWith('/') || /^[\w.-]+$/.test(host)
    if (!isHost) throw new InvalidValue('is not a valid address: it needs the name or the address of a host')
    return { host, port: place[2] === undefined ? defaultPort : portOf(place[2]) }
  })
}

export function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (port < 1 || port > 65_535) throw new InvalidValue('is not a valid address: a port is a number from 1 to 65535')
  return port
}

/** Drivers decode, too, and would throw where nobody expects it. */
export function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new InvalidValue(`can't be decoded: ${encodingHint}`)
  }
}
