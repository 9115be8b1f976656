import t from 'tap'
import { redisReady } from '../../src/redis/client.js'
import { type Counters, createCounters, createLoginLimiter } from '../../src/redis/counters.js'
import { startRedis } from '../support/servers/own-redis.js'
import { openRedisForTest } from './redis-for-test.js'

const account = 'ada@example.org'
const refused = { name: 'LatchkeyError', code: 'rate_limited', status: 429 }

function open({ enabled = true, maxPerMinute = 3 } = {}) {
  let time = 0
  const ephemeral = createCounters({ now: () => time })
  const limit = createLoginLimiter({ enabled, ephemeral, maxPerMinute })
  return {
    limit,
    passTime(ms: number) {
      time += ms
    },
  }
}

t.test('failed attempts on an account are limited per minute, and the refusal says when to retry', async t => {
  const { limit, passTime } = open()
  for (let attempts = 0; attempts < 3; attempts++) await t.resolves(limit.reserve(account))
  passTime(20_500)
  const detail = 'At most 3 failed sign-ins per minute with one sign-in name. Wait 40 seconds.'
  await t.rejects(limit.reserve(account), { ...refused, retryAfterSeconds: 40, detail })
  await t.resolves(limit.reserve('grace@example.org'), 'another account is not affected')
  passTime(39_499)
  await t.rejects(limit.reserve(account), { ...refused, retryAfterSeconds: 1, detail: /Wait 1 second\.$/ })
  passTime(1)
  await t.resolves(limit.reserve(account))
})

t.test('concurrent attempts do not exceed the failure limit', async t => {
  const { limit } = open()
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => limit.reserve(account)))
  t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 3)
})

t.test('a correct password does not count towards the failure limit', async t => {
  const { limit } = open()
  for (let attempts = 0; attempts < 50; attempts++) {
    await limit.reserve(account)
    await limit.forgive(account)
  }
  for (let attempts = 0; attempts < 3; attempts++) await t.resolves(limit.reserve(account))
  await t.rejects(limit.reserve(account), refused)
})

t.test('the failure limit allows every attempt when it is off', async t => {
  const { limit } = open({ enabled: false })
  for (let attempts = 0; attempts < 10; attempts++) await limit.reserve(account)
  await t.resolves(limit.forgive(account))
})

t.test('the failure limit uses the local counters that it is given while the store fails', async t => {
  const local: Counters = createCounters({ now: () => 0 })
  const away: Counters = {
    hit: async () => Promise.reject(new Error('away')),
    unhit: async () => Promise.reject(new Error('away')),
  }
  const limit = createLoginLimiter({ enabled: true, ephemeral: away, maxPerMinute: 1, local })
  await limit.reserve(account)
  await t.rejects(limit.reserve(account), refused)
  await t.resolves(limit.forgive(account))
})

t.test('the failure limit holds with Redis, while Redis is down, and when it is back', async t => {
  const server = await startRedis(t)
  const { ephemeral, redis } = await openRedisForTest(t, server.url)
  const limit = createLoginLimiter({ enabled: true, ephemeral, maxPerMinute: 3 })
  const exhaust = async () => {
    for (let attempts = 0; attempts < 3; attempts++) await t.resolves(limit.reserve(account))
    await t.rejects(limit.reserve(account), refused)
    await limit.forgive(account)
    await limit.forgive(account)
    await t.resolves(limit.reserve(account))
    await t.rejects(limit.reserve(account), refused)
  }
  await exhaust()
  process.kill(server.pid, 'SIGKILL')
  const start = performance.now()
  await exhaust()
  t.ok(performance.now() - start < 4500, 'without waiting for each attempt')
  await server.restart()
  await redisReady(redis, 10_000)
  await exhaust()
})
