import t from 'tap'
import { createCounters } from '../../src/ephemeral/counters.js'
import { createFailureLimit } from '../../src/ephemeral/failure-limit.js'
import { openRedisForTest } from '../ephemeral/redis-for-test.js'
import { rateLimitedApp } from '../plugins/rate-limited-app.js'
import { testServers } from '../support/servers/test-servers.js'

const attacker = '192.0.2.66'
const proxy = '10.0.0.1'

t.test('an invented X-Forwarded-For gives no new count to a client that is no trusted proxy', async t => {
  for (const trustProxy of [false, [proxy]] as const) {
    const { from } = await rateLimitedApp(t, createCounters(), { trustProxy: trustProxy && [...trustProxy] })
    for (let index = 0; index < 3; index++) {
      t.equal(await from(attacker, { 'x-forwarded-for': `198.51.100.${index}` }), 200)
    }
    t.equal(await from(attacker, { 'x-forwarded-for': '198.51.100.3' }), 429)
  }
})

t.test('behind a trusted proxy only the address that the proxy itself saw counts', async t => {
  const { from } = await rateLimitedApp(t, createCounters(), { trustProxy: [proxy] })
  for (let index = 0; index < 3; index++) {
    t.equal(await from(proxy, { 'x-forwarded-for': `198.51.100.${index}, ${attacker}` }), 200)
  }
  t.equal(await from(proxy, { 'x-forwarded-for': `198.51.100.3, ${attacker}` }), 429)
  t.equal(await from(proxy, { 'x-forwarded-for': '198.51.100.3' }), 200, 'another client of the proxy is not affected')
})

t.test('the addresses of one /64 are one client', async t => {
  const { from } = await rateLimitedApp(t, createCounters())
  for (let index = 0; index < 3; index++) t.equal(await from(`2001:db8:1:2:${index}::${index}`), 200)
  t.equal(await from('2001:db8:1:2:ffff::1'), 429)
  t.equal(await from('2001:db8:1:3::1'), 200, 'the neighbour is another')
})

t.test('an IPv4 client can not count twice by coming over IPv6', async t => {
  const { from } = await rateLimitedApp(t, createCounters())
  for (let index = 0; index < 3; index++) t.equal(await from(attacker), 200)
  t.equal(await from(`::ffff:${attacker}`), 429)
})

t.test('ten thousand names do not free the counter of the victim', async t => {
  const counters = {
    'in memory with room for a thousand': createCounters({ maxCounters: 1000 }),
    'in Redis': (await openRedisForTest(t, testServers().redisUrl)).ephemeral,
  }
  for (const [where, ephemeral] of Object.entries(counters)) {
    const limit = createFailureLimit({ enabled: true, ephemeral, maxPerMinute: 5 })
    const attempt = (account: string) =>
      limit.reserve(account).then(
        () => 'let through',
        () => 'refused',
      )
    for (let attempts = 0; attempts < 5; attempts++) t.equal(await attempt('victim@example.org'), 'let through')
    for (let index = 0; index < 10_000; index += 500) {
      await Promise.all(Array.from({ length: 500 }, (_, offset) => attempt(`name${index + offset}@example.org`)))
    }
    t.equal(await attempt('victim@example.org'), 'refused', where)
  }
})
