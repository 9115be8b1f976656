import t from 'tap'
import { redisReady } from '../../src/redis/client.js'
import { type Counters, createCounters } from '../../src/redis/counters.js'
import { openRedisForTest } from '../redis/redis-for-test.js'
import { until } from '../support/eventually.js'
import { startRedis } from '../support/servers/own-redis.js'
import { testServers } from '../support/servers/test-servers.js'
import { rateLimitedApp } from './rate-limited-app.js'

t.test('an address that exceeds its requests per minute gets 429 with Retry-After', async t => {
  let time = 0
  const { app, from } = await rateLimitedApp(t, createCounters({ now: () => time }))
  for (let requests = 0; requests < 3; requests++) t.equal(await from('192.0.2.7'), 200)
  time = 20_500
  const refused = await app.inject({ method: 'POST', url: '/login', remoteAddress: '192.0.2.7' })
  t.equal(refused.statusCode, 429)
  t.same(refused.json(), {
    code: 'rate_limited',
    detail: 'At most 3 requests per minute from one address to POST /login. Wait 40 seconds.',
  })
  t.equal(refused.headers['retry-after'], '40')
  t.equal(await from('192.0.2.8'), 200, 'another address is not affected')
  time = 60_000
  t.equal(await from('192.0.2.7'), 200)
})

t.test('a refused request does not extend the wait', async t => {
  let time = 0
  const { from } = await rateLimitedApp(t, createCounters({ now: () => time }))
  for (let requests = 0; requests < 3; requests++) await from('192.0.2.7')
  for (; time < 60_000; time += 5000) t.equal(await from('192.0.2.7'), 429)
  t.equal(await from('192.0.2.7'), 200)
})

t.test('each rate-limited route has its own count, and other routes have no limit', async t => {
  const { app, from } = await rateLimitedApp(t, createCounters())
  for (let requests = 0; requests < 4; requests++) await from('127.0.0.1')
  t.equal(await from('127.0.0.1'), 429)
  t.equal((await app.inject({ method: 'POST', url: '/refresh' })).statusCode, 200)
  for (let requests = 0; requests < 10; requests++) t.equal((await app.inject('/verify')).statusCode, 200)
})

t.test('a valid credential has its own count per address, also while the store is unavailable', async t => {
  const away: Counters = {
    hit: async () => Promise.reject(new Error('away')),
    unhit: async () => Promise.reject(new Error('away')),
  }
  for (const counters of [createCounters(), away]) {
    const { app } = await rateLimitedApp(t, counters)
    const bearing = async (authorization: string, remoteAddress = '192.0.2.7') =>
      (await app.inject({ method: 'POST', url: '/bearer', headers: { authorization }, remoteAddress })).statusCode
    const four = async (authorization: string) => {
      const seen = []
      for (let requests = 0; requests < 4; requests++) seen.push(await bearing(authorization))
      return seen
    }
    t.same(await four('refused'), [200, 200, 200, 429], 'refused requests count for the address')
    t.same(await four('session:1'), [200, 200, 200, 429])
    t.same(await four('session:2'), [200, 200, 200, 429])
    t.equal(await bearing('session:2', '192.0.2.8'), 200)
    const headers = { authorization: 'session:1' }
    const refused = await app.inject({ method: 'POST', url: '/bearer', headers, remoteAddress: '192.0.2.7' })
    t.match(
      refused.json().detail,
      /^At most 3 requests per minute from one session to POST \/bearer\. Wait \d+ seconds\.$/,
    )
    t.equal(await bearing(''), 429)
    t.equal(await bearing('broken'), 500, 'an internal error is not counted as a refusal')
  }
})

t.test('responses contain no rate-limit counters', async t => {
  const { app } = await rateLimitedApp(t, createCounters(), { perAddressPerMinute: 1 })
  for (const status of [200, 429]) {
    const { statusCode, headers } = await app.inject({ method: 'POST', url: '/login' })
    t.equal(statusCode, status)
    t.same(
      Object.keys(headers).filter(name => name.includes('ratelimit')),
      [],
    )
  }
})

t.test('requests are not limited when the rate limit is disabled', async t => {
  const { from } = await rateLimitedApp(t, createCounters(), { enabled: false, perAddressPerMinute: 1 })
  for (let requests = 0; requests < 10; requests++) t.equal(await from('192.0.2.7'), 200)
})

t.test('two instances with one Redis share the count', async t => {
  const { ephemeral, times } = await openRedisForTest(t, testServers().redisUrl)
  const one = await rateLimitedApp(t, ephemeral)
  const other = await rateLimitedApp(t, ephemeral)
  t.equal(await one.from('192.0.2.7'), 200)
  t.equal(await other.from('192.0.2.7'), 200)
  t.equal(await one.from('192.0.2.7'), 200)
  t.equal(await other.from('192.0.2.7'), 429)
  t.equal((await times()).size, 1)
})

for (const [fault, signal] of [
  ['is killed', 'SIGKILL'],
  ['hangs', 'SIGSTOP'],
] as const) {
  t.test(`each instance limits requests on its own and answers fast after Redis ${fault}`, async t => {
    const server = await startRedis(t)
    const { ephemeral, redis } = await openRedisForTest(t, server.url, { ownLimits: true })
    const { from } = await rateLimitedApp(t, ephemeral)
    t.equal(await from('192.0.2.7'), 200)

    process.kill(server.pid, signal)
    const start = performance.now()
    for (let requests = 0; requests < 3; requests++) t.equal(await from('192.0.2.7'), 200)
    for (let requests = 0; requests < 20; requests++) t.equal(await from('192.0.2.7'), 429)
    t.ok(performance.now() - start < 9000, 'only the first requests wait')
    await until(() => redis.status !== 'ready')
    const later = performance.now()
    for (let requests = 0; requests < 20; requests++) t.equal(await from('192.0.2.7'), 429)
    t.ok(performance.now() - later < 5000, 'all later requests are answered at once')

    if (signal === 'SIGSTOP') process.kill(server.pid, 'SIGCONT')
    else await server.restart()
    t.ok(await redisReady(redis, 10_000))
    t.equal(await from('192.0.2.8'), 200)
  })
}
