import t from 'tap'
import { createCounters, createLoginLimiter } from '../../src/redis/counters.js'
import { rateLimitedApp } from '../plugins/rate-limited-app.js'
import { openRedisForTest } from '../redis/redis-for-test.js'
import { testServers } from '../support/servers/test-servers.js'

const attacker = '192.0.2.66'
const proxy = '10.0.0.1'

t.test('the rate limit ignores X-Forwarded-For from a client that is not a trusted proxy', async t => {
  for (const trustProxy of [false, [proxy]] as const) {
    const { from } = await rateLimitedApp(t, createCounters(), { trustProxy: trustProxy && [...trustProxy] })
    for (let index = 0; index < 3; index++) {
      t.equal(await from(attacker, { 'x-forwarded-for': `198.51.100.${index}` }), 200)
    }
    t.equal(await from(attacker, { 'x-forwarded-for': '198.51.100.3' }), 429)
  }
})

t.test('behind a trusted proxy the rate limit counts only the address that the proxy saw', async t => {
  const { from } = await rateLimitedApp(t, createCounters(), { trustProxy: [proxy] })
  for (let index = 0; index < 3; index++) {
    t.equal(await from(proxy, { 'x-forwarded-for': `198.51.100.${index}, ${attacker}` }), 200)
  }
  t.equal(await from(proxy, { 'x-forwarded-for': `198.51.100.3, ${attacker}` }), 429)
  t.equal(await from(proxy, { 'x-forwarded-for': '198.51.100.3' }), 200, 'another client of the proxy is not affected')
})

t.test('the rate limit counts all addresses of an IPv6 /64 as one client', async t => {
  const { from } = await rateLimitedApp(t, createCounters())
  for (let index = 0; index < 3; index++) t.equal(await from(`2001:db8:1:2:${index}::${index}`), 200)
  t.equal(await from('2001:db8:1:2:ffff::1'), 429)
  t.equal(await from('2001:db8:1:3::1'), 200, 'the next /64 is another client')
})

t.test('the rate limit counts an IPv4-mapped IPv6 address as the IPv4 address', async t => {
  const { from } = await rateLimitedApp(t, createCounters())
  for (let index = 0; index < 3; index++) t.equal(await from(attacker), 200)
  t.equal(await from(`::ffff:${attacker}`), 429)
})

t.test('failures for ten thousand other names do not erase the counter of one account', async t => {
  const counters = {
    'in memory, limited to a thousand counters': createCounters({ maxCounters: 1000 }),
    'in Redis': (await openRedisForTest(t, testServers().redisUrl)).ephemeral,
  }
  for (const [where, ephemeral] of Object.entries(counters)) {
    const limit = createLoginLimiter({ enabled: true, ephemeral, maxPerMinute: 5 })
    const attempt = (account: string) =>
      limit.reserve(account).then(
        () => 'accepted',
        () => 'refused',
      )
    for (let attempts = 0; attempts < 5; attempts++) t.equal(await attempt('victim@example.org'), 'accepted')
    for (let index = 0; index < 10_000; index += 500) {
      await Promise.all(Array.from({ length: 500 }, (_, offset) => attempt(`name${index + offset}@example.org`)))
    }
    t.equal(await attempt('victim@example.org'), 'refused', where)
  }
})
