import t from 'tap'
import { clientAddress } from '../../src/lib/ip-address.js'

const cases: [title: string, ip: string | undefined, expected: string][] = [
  ['an IPv4 address is used unchanged', '192.0.2.7', '192.0.2.7'],
  ['an IPv4-mapped IPv6 address becomes the IPv4 address', '::ffff:192.0.2.7', '192.0.2.7'],
  ['an IPv4-mapped IPv6 address in hexadecimal becomes the IPv4 address', '::ffff:c000:207', '192.0.2.7'],
  ['an IPv6 address becomes its /64 network', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['an IPv6 address in another spelling becomes the same /64 network', '2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
  ['an IPv6 address in the next /64 becomes another network', '2001:db8:1:3::1', '2001:db8:1:3::/64'],
  ['the IPv6 loopback address becomes a /64 network', '::1', '0:0:0:0::/64'],
  ['the zone of an IPv6 address is ignored', 'fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['the port after an IPv4 address is ignored', '192.0.2.7:51234', '192.0.2.7'],
  ['the port after an IPv6 address is ignored', '[2001:db8:1:2::1]:51234', '2001:db8:1:2::/64'],
  ['a text that is not an IP address becomes "unknown"', 'nonsense', 'unknown'],
  ['an empty address becomes "unknown"', '', 'unknown'],
  ['the missing address of a disconnected client becomes "unknown"', undefined, 'unknown'],
]

for (const [title, ip, expected] of cases) {
  t.test(title, async t => t.equal(clientAddress(ip), expected))
}
