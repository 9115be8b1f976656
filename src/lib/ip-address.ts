import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

type IpAddress = ipaddr.IPv4 | ipaddr.IPv6

/**
 * Reads an address as a socket or a proxy writes it. Removes the port that some proxies append, the brackets of an IPv6
 * address, and the zone of a link-local address. An IPv4 address in IPv6 form (`::ffff:192.0.2.1`) becomes the IPv4
 * address. Undefined if the text is not an address, such as `unknown` (RFC 7239, 6), or is missing because the client
 * has disconnected.
 */
export function readIpAddress(text: string | undefined): IpAddress | undefined {
  const bare = (text ?? '')
    .trim()
    .replace(/^\[(.+)\](:\d+)?$/, '$1')
    .replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1')
    .replace(/%.*$/, '')
  return isIP(bare) === 0 ? undefined : ipaddr.process(bare)
}

/** The form in which addresses are stored and compared. Undefined if the text is not an address. */
export function ipAddressForm(text: string | undefined): string | undefined {
  return readIpAddress(text)?.toString()
}

/**
 * The part of a client's address by which requests are counted. For IPv6 it is the /64, because every household and every
 * rented server can choose addresses from a whole /64. All invalid addresses share one name.
 *
 * @param ip - from the socket or a trusted proxy. Undefined if the client has disconnected.
 */
export function clientAddress(ip: string | undefined): string {
  const address = readIpAddress(ip ?? '')
  if (!address) return 'unknown'
  if (address instanceof ipaddr.IPv4) return address.toString()
  const network = address.parts.slice(0, 4).map(part => part.toString(16))
  return `${network.join(':')}::/64`
}

/** Whether a text is a network in CIDR notation with every part of its address written out. */
export function isNetwork(text: string): boolean {
  return ipaddr.IPv4.isValidCIDRFourPartDecimal(text) || ipaddr.IPv6.isValidCIDR(text)
}

/**
 * @param cidrs - for example `10.0.0.0/8`
 * @returns whether an address is in one of the networks
 */
export function inNetworks(cidrs: readonly string[]): (address: string) => boolean {
  const networks = cidrs.map(readNetwork)
  return text => {
    const address = readIpAddress(text)
    return address !== undefined && networks.some(network => isIn(address, network))
  }
}

type Network = readonly [IpAddress, bits: number]

/** A network of IPv4 addresses in IPv6 form becomes one of IPv4 addresses, as the addresses do. */
function readNetwork(cidr: string): Network {
  const [address, bits] = ipaddr.parseCIDR(cidr)
  const isMapped = address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && bits >= 96
  return isMapped ? [address.toIPv4Address(), bits - 96] : [address, bits]
}

function isIn(address: IpAddress, [network, bits]: Network): boolean {
  // `match` throws if one is IPv4 and the other IPv6.
  return address.kind() === network.kind() && address.match([network, bits] as [ipaddr.IPv4, number])
}
