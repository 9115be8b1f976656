import { type LookupAddress, lookup } from 'node:dns'
import { isIP } from 'node:net'
import { inNetworks, readIpAddress } from './ip-address.js'

/** An address to which nothing is sent. */
export class RefusedAddressError extends Error {
  override readonly name = 'RefusedAddressError'

  constructor(host: string, address: string, withTls: boolean) {
    const isPublic = readIpAddress(address)?.range() === 'unicast'
    const found = host === address ? host : `${host} has the address ${address}, which`
    super(
      isPublic && !withTls
        ? `${found} is public, so the URL must begin with https://`
        : `${found} is private or reserved, and DELIVERY_ALLOWED_NETWORKS does not contain it`,
    )
  }
}

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
 */
export function allowedAddresses(networks: readonly string[]): AllowedAddresses {
  const isInNetworks = inNetworks(networks)
  const isAllowed = (address: string, withTls: boolean) =>
    isInNetworks(address) || (withTls && readIpAddress(address)?.range() === 'unicast')

  /** `dns.lookup` in each of its forms, with the addresses checked. */
  function checked(withTls: boolean): typeof lookup {
    function checkedLookup(
      host: string,
      options: { all?: boolean },
      done: (error: Error | null, ...found: unknown[]) => void,
    ): void {
      lookup(host, { ...options, all: true }, (error, found) => {
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
