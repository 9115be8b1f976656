import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

type IpAddress = ipaddr.IPv4 | ipaddr.IPv6

/**
 * Reads an address as a socket or a proxy names it: without the port that some proxies append, the brackets of an IPv6
 * address, and the zone of a link-local one. An IPv4 address in IPv6 form (`::ffff:192.0.2.1`) is the IPv4 address.
 * Undefined for what is no address, such as the `unknown` of RFC 7239, 6, or the address of a client that has gone.
 */
export function readIpAddress(text: string | undefined): IpAddress | undefined {
  const bare = (text ?? '')
    .trim()
    .replace(/^\[(.+)\](:\d+)?$/, '$1')
    .replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1')
    .replace(/%.*$/, '')
  return isIP(bare) === 0 ? undefined : ipaddr.process(bare)
}

/** The one form in which an address is stored and compared; undefined for what is no address. */
export function ipAddressForm(text: string | undefined): string | undefined {
  return readIpAddress(text)?.toString()
}

/**
 * Tells which addresses are in one of the networks.
 *
 * @param cidrs as `10.0.0.0/8`
 */
export function inNetworks(cidrs: readonly string[]): (address: string) => boolean {
  const networks = cidrs.map(readNetwork)
  return text => {
    const address = readIpAddress(text)
    return address !== undefined && networks.some(network => isIn(address, network))
  }
}

type Network = readonly [IpAddress, bits: number]

/** A network of IPv4 addresses in IPv6 form is one of IPv4 addresses, as the addresses are. */
function readNetwork(cidr: string): Network {
  const [address, bits] = ipaddr.parseCIDR(cidr)
  const isMapped = address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && bits >= 96
  return isMapped ? [address.toIPv4Address(), bits - 96] : [address, bits]
}

function isIn(address: IpAddress, [network, bits]: Network): boolean {
  // Addresses of the other kind make `match` throw.
  return address.kind() === network.kind() && address.match([network, bits] as [ipaddr.IPv4, number])
}
