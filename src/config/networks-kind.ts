import { isIP } from 'node:net'
import { isNetwork } from '../lib/ip-address.js'
import { InvalidValue, type Kind } from './setting.js'
import { list } from './value-kinds.js'

// A file of its own: `latchkey edge` needs none of this, and the module for addresses takes memory.

const namedNetworks: Record<string, readonly string[]> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
}

/** Networks as CIDRs. An IP address is a network with one address, and a word can stand for several networks. */
const network: Kind<readonly string[]> = {
  accepts: 'a CIDR, an IP address, loopback, linklocal or uniquelocal',
  parse(text) {
    const named = Object.hasOwn(namedNetworks, text) ? namedNetworks[text] : undefined
    if (named) return named
    if (isNetwork(text)) return [text]
    if (isIP(text) === 4) return [`${text}/32`]
    if (isIP(text) === 6 && !text.includes('%')) return [`${text}/128`]
    throw new InvalidValue(
      'must be a CIDR such as 10.0.0.0/8, an IP address, or one of loopback, linklocal and uniquelocal',
    )
  },
}

export const networks = listOf(network)

/** The networks of proxies: other programs accept a number of proxies here, or all of them. */
export const proxyNetworks = listOf({
  accepts: network.accepts,
  parse(text) {
    if (/^(\d+|true|on)$/i.test(text)) {
      throw new InvalidValue(
        'must contain the networks of your proxies, such as 10.0.0.0/8 or uniquelocal: with a number of proxies, or ' +
          'with all proxies trusted, a client could choose its own address',
      )
    }
    return network.parse(text)
  },
})

function listOf(kind: Kind<readonly string[]>): Kind<readonly string[]> {
  return { accepts: list(kind).accepts, parse: text => list(kind).parse(text).flat() }
}
