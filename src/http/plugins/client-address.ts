import ipaddr from 'ipaddr.js'
import { readIpAddress } from '../../lib/ip-address.js'

/**
 * The part of a client's address that limits go by. An IPv6 client is its /64, because every household and every rented
 * server has a whole one to choose addresses from. What is no address at all shares one name.
 *
 * @param ip - as a socket or a trusted proxy names it. Undefined when the client has gone.
 */
export function clientAddress(ip: string | undefined): string {
  const address = readIpAddress(ip ?? '')
  if (!address) return 'unknown'
  if (address instanceof ipaddr.IPv4) return address.toString()
  const network = address.parts.slice(0, 4).map(part => part.toString(16))
  return `${network.join(':')}::/64`
}
