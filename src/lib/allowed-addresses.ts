import { type LookupAddress, lookup } from 'node:dns'
import { isIP } from 'node:net'
import { LRUCache } from 'lru-cache'
import pLimit from 'p-limit'
import { inNetworks, readIpAddress } from './ip-address.js'

/** An address to which nothing is sent. */
export class RefusedAddressError extends Error {
  override readonly name = 'RefusedAddressError'

  constructor(host: string, address: string, withTls: boolean) {
    const found = host === address ? host : `${host} has the address ${address}, which`
    super(
      isPublic(address) && !withTls
        ? `${found} is public, so the URL must begin with https://`
        : `${found} is private or reserved, and DELIVERY_ALLOWED_NETWORKS does not contain it`,
    )
  }
}

/**
 * Whether an address is one of the internet. Of IPv6 only 2000::/3 is (RFC 4291, 2.4), without the ranges in it that lead to
 * IPv4 addresses.
 */
function isPublic(address: string): boolean {
  const read = readIpAddress(address)
  if (read?.range() !== 'unicast') return false
  return read.kind() === 'ipv4' || isInGlobalUnicast(address)
}

const isInGlobalUnicast = inNetworks(['2000::/3'])

export interface AllowedAddresses {
  /** @throws RefusedAddressError if the host of the URL is an address that is refused */
  check(url: URL): void
  /**
   * For the option `lookup` of `http.request` and `https.request`. So the address that was checked is the one that is
   * connected to, whatever the name means a moment later.
   */
  lookupWithTls: typeof lookup
  lookupWithoutTls: typeof lookup
}

/**
 * Lets requests go to public addresses with TLS, and to those of the given networks also without: a name that somebody
 * registers must not lead to a server of the operator's own network (server-side request forgery).
 *
 * @param networks CIDRs, such as `10.0.0.0/8`
 * @param resolve finds the addresses of a name; for tests
 * @param slowMs how long it takes for a name whose DNS server is silent; for tests
 */
export function allowedAddresses(
  networks: readonly string[],
  resolve: Resolve = lookup,
  slowMs = SLOW_MS,
): AllowedAddresses {
  const lookUp = shared(resolve, slowMs)
  const isInNetworks = inNetworks(networks)
  const isAllowed = (address: string, withTls: boolean) => isInNetworks(address) || (withTls && isPublic(address))

  /** `dns.lookup` in each of its forms, with the addresses checked. */
  function checked(withTls: boolean): typeof lookup {
    function checkedLookup(
      host: string,
      options: { all?: boolean },
      done: (error: Error | null, ...found: unknown[]) => void,
    ): void {
      lookUp(host, (error, found) => {
        if (error) return done(error)
        // One is enough: which of them is connected to is not known yet.
        const refused = found.find(({ address }) => !isAllowed(address, withTls))
        if (refused) return done(new RefusedAddressError(host, refused.address, withTls))
        if (options.all) return done(null, found)
        const [first] = found as [LookupAddress]
        done(null, first.address, first.family)
      })
    }
    return checkedLookup as unknown as typeof lookup
  }

  return {
    check({ protocol, hostname }) {
      const host = hostname.replace(/^\[(.*)\]$/, '$1')
      const withTls = protocol === 'https:'
      if (isIP(host) !== 0 && !isAllowed(host, withTls)) throw new RefusedAddressError(host, host, withTls)
    },
    lookupWithTls: checked(true),
    lookupWithoutTls: checked(false),
  }
}

type Resolve = (host: string, options: { all: true }, done: Found) => void
type Found = (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => void

/** A lookup that takes longer is one of a name whose DNS server is silent. */
const SLOW_MS = 1000
const MOST_SLOW_NAMES = 1000

/**
 * Looks up each name once at a time, and one name after another. A lookup occupies a thread that password hashes need, and
 * cannot be ended: if the DNS server of a name is silent, it takes half a minute. So a name that was slow is looked up in a
 * second line, and holds up only other slow ones: at most two threads are occupied.
 */
function shared(resolve: Resolve, slowMs: number): (host: string, done: Found) => void {
  const waiting = new Map<string, Found[]>()
  const slowNames = new LRUCache<string, true>({ max: MOST_SLOW_NAMES })
  const first = pLimit(1)
  const second = pLimit(1)

  function ask(host: string): Promise<void> {
    const askedAt = performance.now()
    return new Promise(ended => {
      resolve(host, { all: true }, (error, found) => {
        if (performance.now() - askedAt < slowMs) slowNames.delete(host)
        const all = waiting.get(host)!
        waiting.delete(host)
        ended()
        for (const each of all) each(error, found)
      })
    })
  }

  /** The first line goes on when the lookup has ended, or has turned out to be slow and got the place in the second line. */
  async function askInFirst(host: string): Promise<void> {
    const ended = ask(host)
    let timer: NodeJS.Timeout | undefined
    const moved = new Promise<void>(goOn => {
      timer = setTimeout(() => {
        slowNames.set(host, true)
        void second(() => {
          goOn()
          return ended
        })
      }, slowMs).unref()
    })
    await Promise.race([ended, moved])
    clearTimeout(timer)
  }

  return (host, done) => {
    const others = waiting.get(host)
    if (others) return void others.push(done)
    waiting.set(host, [done])
    if (slowNames.has(host)) void second(() => ask(host))
    else void first(() => askInFirst(host))
  }
}
