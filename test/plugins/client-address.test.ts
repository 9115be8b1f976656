import t from 'tap'
import { clientAddress } from '../../src/plugins/client-address.js'

const cases: [title: string, ip: string | undefined, expected: string][] = [
  ['an IPv4 address is itself', '192.0.2.7', '192.0.2.7'],
  ['an IPv4 address in IPv6 is the IPv4 address', '::ffff:192.0.2.7', '192.0.2.7'],
  ['also in hexadecimal', '::ffff:c000:207', '192.0.2.7'],
  ['an IPv6 address is its /64', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['however it is written', '2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
  ['the neighbour network is another', '2001:db8:1:3::1', '2001:db8:1:3::/64'],
  ['the loopback address has a name, too', '::1', '0:0:0:0::/64'],
  ['a zone does not count', 'fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['a port does not count', '192.0.2.7:51234', '192.0.2.7'],
  ['nor after an IPv6 address', '[2001:db8:1:2::1]:51234', '2001:db8:1:2::/64'],
  ['what is no address shares one name', 'nonsense', 'unknown'],
  ['so does nothing', '', 'unknown'],
  ['so does a client that has gone', undefined, 'unknown'],
]

for (const [title, ip, expected] of cases) {
  t.test(title, async t => t.equal(clientAddress(ip), expected))
}
