import { Redis } from 'ioredis'
import t from 'tap'
import { until } from '../support/eventually.js'
import { externalStores } from '../support/external-stores.js'
import { startRedis } from '../support/servers/own-redis.js'
import { startService } from '../support/service-process.js'

t.test('a Redis that may evict keys is in the log of the start, and once', async t => {
  const redis = await startRedis(t, { args: ['--maxmemory-policy', 'allkeys-lru'] })
  const { env } = await externalStores(t)
  const service = await startService(t, { env: { ...env, REDIS_URL: redis.url } })
  const warnings = () => service.output().match(/Redis may evict keys \(maxmemory-policy is \S+\)[^"]*/g) ?? []
  for (let request = 0; request < 3; request++) await fetch(`${service.url}/readyz`)
  t.match(warnings(), [/allkeys-lru.*set maxmemory-policy to noeviction/])

  const administrator = new Redis(redis.url)
  t.teardown(() => administrator.disconnect())
  for (const policy of ['noeviction', 'volatile-ttl']) {
    await administrator.config('SET', 'maxmemory-policy', policy)
    await fetch(`${service.url}/readyz`)
  }
  // A line of the log can arrive after the answer that it was written before.
  await until(() => warnings().length > 1, 'a later change is noticed too')
  t.match(warnings(), [/allkeys-lru/, /volatile-ttl/])
})
