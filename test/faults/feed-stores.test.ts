import { Redis } from 'ioredis'
import t from 'tap'
import { startRedis } from '../support/servers/own-redis.js'
import { startFeedInstances, startThreeVerifiers } from './feed-instances.js'
import { printFeedTable, runFeedRow } from './run-feed-row.js'
import { ONLY_IN_FULL } from './run-row.js'

// Faults of the stores, while other services verify by themselves and follow the feed.

t.test('verifiers miss nothing when Redis is flushed', ONLY_IN_FULL, async t => {
  const server = await startRedis(t)
  const admin = new Redis(server.url)
  t.teardown(() => admin.disconnect())
  const instances = await startFeedInstances(t, { redisUrl: server.url })
  const verifiers = await startThreeVerifiers(t, instances)
  await runFeedRow(t, {
    fault: 'Redis is flushed',
    ...instances,
    verifiers,
    begin: () => admin.flushall(),
    lastsMs: 3000,
    end: () => {},
  })
})

t.test('verifiers miss nothing while Redis is down', ONLY_IN_FULL, async t => {
  const instances = await startFeedInstances(t)
  const verifiers = await startThreeVerifiers(t, instances)
  const { redis } = instances
  await runFeedRow(t, {
    fault: 'Redis refuses',
    ...instances,
    verifiers,
    begin: redis.refuse,
    lastsMs: 3000,
    end: redis.heal,
  })
})

t.test('verifiers miss nothing while all data to Redis is dropped', ONLY_IN_FULL, async t => {
  const instances = await startFeedInstances(t)
  const verifiers = await startThreeVerifiers(t, instances)
  const { redis } = instances
  await runFeedRow(t, {
    fault: 'Redis in a black hole',
    ...instances,
    verifiers,
    begin: () => redis.blackHole(),
    lastsMs: 5000,
    end: redis.heal,
  })
})

t.test('verifiers go on, and miss nothing, while Postgres is down', ONLY_IN_FULL, async t => {
  const instances = await startFeedInstances(t)
  const verifiers = await startThreeVerifiers(t, instances)
  const { postgres } = instances
  await runFeedRow(t, {
    fault: 'Postgres refuses',
    ...instances,
    verifiers,
    begin: postgres.refuse,
    lastsMs: 5000,
    end: postgres.heal,
  })
})

t.test('verifiers go on, and miss nothing, while both stores are down for less than their bound', async t => {
  const instances = await startFeedInstances(t)
  const verifiers = await startThreeVerifiers(t, instances)
  const { postgres, redis } = instances
  await runFeedRow(t, {
    fault: 'both stores are down',
    ...instances,
    verifiers,
    begin: () => Promise.all([postgres.refuse(), redis.refuse()]),
    lastsMs: 3000,
    end: () => Promise.all([postgres.heal(), redis.heal()]),
  })
})

t.test('verifiers answer 503 while both stores are down for longer than their bound', ONLY_IN_FULL, async t => {
  const instances = await startFeedInstances(t)
  const verifiers = await startThreeVerifiers(t, instances, 10)
  const { postgres, redis } = instances
  await runFeedRow(t, {
    fault: 'both stores are down for long',
    ...instances,
    verifiers,
    begin: () => Promise.all([postgres.refuse(), redis.refuse()]),
    lastsMs: 15_000,
    end: () => Promise.all([postgres.heal(), redis.heal()]),
    cutOff: ['first', 'second', 'elsewhere'],
  })
})

t.test('what verifiers answered during faults of the stores is printed as a table', async t => printFeedTable(t))
