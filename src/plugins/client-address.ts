import ipaddr from 'ipaddr.js'

/**
 * The part of a client's address that limits go by. An IPv6 client is its /64, because every household and every rented
 * server has a whole one to choose addresses from. An IPv4 address in IPv6 clothes (`::ffff:192.0.2.1`) is the IPv4
 * address. What is no address at all shares one name.
 *
 * @param ip - as a socket or a trusted proxy names it; some proxies append the port. Undefined when the client has gone.
 */
export function clientAddress(ip: string | undefined): string {
  const bare = withoutPort(ip ?? '')
  if (!ipaddr.isValid(bare)) return 'unknown'
  const address = ipaddr.process(bare)
  if (address instanceof ipaddr.IPv4) return address.toString()
  const network = address.parts.slice(0, 4).map(part => part.toString(16))
  return `${network.join(':')}::/64`
}

function withoutPort(ip: string): string {
  return ip.replace(/^\[(.+)\](:\d+)?$/, '$1').replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1')
}
