import { type Kind, Mistake } from './kind.js'

const encodingHint = 'characters such as / ? # @ % in a password are written percent-encoded'

/** The address of a Postgres, or of several that are replicas of one another (`host1:5432,host2:5432`). */
export const postgresUrl: Kind<string> = {
  accepts: 'a postgres:// or postgresql:// address',
  parse(text) {
    if (/^file:/i.test(text)) {
      throw new Mistake(
        'is a file: address, as SQLite has, but Latchkey needs Postgres: give a postgres:// address, or in ' +
          'development leave the variable unset, and Latchkey starts an embedded Postgres of its own',
      )
    }
    const match = /^postgres(?:ql)?:\/\/([^/?#]+)(.*)$/.exec(text)
    if (!match) throw new Mistake('must be an address such as postgres://user:password@host:5432/latchkey')
    const [, authority, rest] = match
    const hostsAt = authority!.lastIndexOf('@') + 1
    const user = authority!.slice(0, hostsAt)
    for (const host of authority!.slice(hostsAt).split(',')) checkUrl(`postgres://${user}${host}${rest}`)
    return text
  },
}

export const redisUrl: Kind<string> = {
  accepts: 'a redis:// or rediss:// address',
  parse(text) {
    if (!/^rediss?:\/\//.test(text)) throw new Mistake('must be an address such as redis://:password@host:6379')
    checkUrl(text)
    return text
  },
}

function checkUrl(text: string): void {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url) throw new Mistake(`is not a valid address: ${encodingHint}`)
  if (url.hostname === '') throw new Mistake('must name a host')
  // Drivers decode the user and the password, and would throw where nobody expects it.
  if (!isDecodable(url.username) || !isDecodable(url.password)) {
    throw new Mistake(`has a user or password that can't be decoded: ${encodingHint}`)
  }
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}
