import { readFile, writeFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { ConfigError } from '../../src/config/config.js'
import { openLocationDatabase } from '../../src/server/geoip.js'
import { writeLocationFile } from '../support/location-file.js'
import { quietLog } from '../support/servers/quiet-log.js'

const LONDON = { country: { iso_code: 'GB', names: { en: 'United Kingdom' } }, city: { names: { en: 'London' } } }

t.test('IPv4 and IPv6 addresses are located as the file says', async t => {
  const networks = { '203.0.113.0/24': LONDON, '2001:db8::/32': { country: { iso_code: 'DE' } } }
  const locate = await openLocationDatabase(await writeLocationFile(t, networks), quietLog())
  const london = { country: 'GB', city: 'London' }
  t.strictSame(locate('203.0.113.7'), london)
  t.strictSame(locate('::ffff:203.0.113.7'), london, 'also as an IPv4-mapped IPv6 address')
  t.strictSame(locate('2001:db8::1'), { country: 'DE' })
  t.equal(locate('198.51.100.7'), undefined)
  t.equal(locate('2001:db9::1'), undefined)
  t.equal(locate('nowhere'), undefined)
  t.equal(locate(undefined), undefined)
})

t.test('location files with other field names are read', async t => {
  const networks = {
    '192.0.2.0/24': { country_code: 'FR', city: 'Lyon' },
    '198.51.100.0/24': { country: 'JP' },
    '203.0.113.0/24': { country_code: 'Atlantis' },
    '10.0.0.0/8': { asn: 64_512 },
  }
  const locate = await openLocationDatabase(await writeLocationFile(t, networks), quietLog())
  t.strictSame(locate('192.0.2.1'), { country: 'FR', city: 'Lyon' })
  t.strictSame(locate('198.51.100.1'), { country: 'JP' })
  t.equal(locate('203.0.113.1'), undefined, 'a value that is not a country code is not shown')
  t.equal(locate('10.1.1.1'), undefined)
})

t.test('a location file with only IPv4 addresses locates no IPv6 address', async t => {
  const path = await writeLocationFile(t, { '32.0.0.0/4': LONDON }, { ipVersion: 4 })
  const locate = await openLocationDatabase(path, quietLog())
  t.strictSame(locate('32.1.1.1'), { country: 'GB', city: 'London' })
  t.equal(locate('2001:db8::1'), undefined, 'its first bytes are an IPv4 address in the file')
})

t.test('without a location file no address has a location', async t => {
  const locate = await openLocationDatabase(undefined, quietLog())
  t.equal(locate('203.0.113.7'), undefined)
})

t.test('a missing, truncated or invalid location file fails with an error that names LOCATION_DATABASE', async t => {
  const path = await writeLocationFile(t, { '203.0.113.0/24': LONDON, '20.0.0.0/8': LONDON })
  const whole = await readFile(path)
  await refuses(t, `${path}.gone`, /cannot be read \(ENOENT\)/)
  const tail = whole.subarray(-250)
  const overwritten = Buffer.from(whole)
  overwritten.fill(0xff, whole.indexOf('United') - 60, whole.indexOf('United'))
  const damaged = [Buffer.alloc(0), Buffer.from('no database'), whole.subarray(0, -200), tail, overwritten]
  for (const [at, content] of damaged.entries()) {
    await writeFile(path, content)
    await refuses(t, path, /is not such a file, or is damaged/, `${at}`)
  }
})

async function refuses(t: Test, path: string, says: RegExp, which = 'missing'): Promise<void> {
  const error = await openLocationDatabase(path, quietLog()).catch((error: Error) => error)
  t.ok(error instanceof ConfigError, which)
  t.match(error, { message: /LOCATION_DATABASE/ }, which)
  t.match(error, { message: says }, which)
}
