import type { Socket } from 'node:net'
import type { Cluster, Redis } from 'ioredis'
import t from 'tap'
import { findMaster } from '../../src/redis/sentinels.js'
import { ephemeralContract } from '../contract/ephemeral.js'
import { eventually, until } from '../support/eventually.js'
import { type OwnRedis, startRedis } from '../support/servers/own-redis.js'
import { ask, MASTER, placeOf, startRedisSentinels, watch } from '../support/servers/own-redis-sentinels.js'
import { openRedisForTest } from './redis-for-test.js'

const { url, master, replicas, sentinels } = await startRedisSentinels(t, { replicas: 2, sentinels: 3 })
const sentinel = { master: MASTER }

t.test('Redis behind Sentinels passes the contract of the ephemeral store', t =>
  ephemeralContract(t, (t, settings) => openRedisForTest(t, url, { sentinel, settings })),
)

t.test('the Redis master that most Sentinels name is used, not one that a single Sentinel names', async t => {
  const [other, loner] = await Promise.all([startRedis(t), startRedis(t, { sentinel: true })])
  await watch(loner, other)
  const named = (asked: readonly OwnRedis[]) => {
    const { signal } = new AbortController()
    return findMaster({ places: asked.map(placeOf), master: MASTER, tls: undefined, family: 0 }, signal, () => {})
  }
  for (let n = 0; n < 5; n++)
    t.match(await named([loner, ...sentinels.slice(1)]), { ...placeOf(master), isAgreed: true })
  t.match(await named([loner, sentinels[0]!]), { isAgreed: false })
  t.match(await named([loner]), { ...placeOf(other), isAgreed: true })
})

t.test('the client leaves a Redis master that Sentinels replaced, even while it still answers', async t => {
  const { ephemeral, redis } = await openRedisForTest(t, url, { sentinel })
  t.equal((await ephemeral.hit('a', 60_000)).count, 1)
  t.equal(await redis.wait(2, 5000), 2, 'the replicas have the first hit')
  await ask(sentinels[0]!, client => client.call('SENTINEL', 'FAILOVER', MASTER))
  await until(async () => replicas.map(placeOf).some(({ port }) => port === portServing(redis)))
  t.equal((await eventually(() => ephemeral.hit('a', 60_000))).count, 2)
  t.match(
    await ask(master, client => client.info('replication')),
    /role:master/,
    'it does not know yet that it was replaced',
  )
})

t.test('Sentinels replace a Redis master that hangs, and no command to it is sent again', async t => {
  const { ephemeral, redis } = await openRedisForTest(t, url, { sentinel, ownLimits: true })
  await eventually(() => ephemeral.hit('a', 60_000))
  t.ok((await redis.wait(1, 5000)) > 0, 'a replica has the first hit')
  const serving = replicas.find(replica => placeOf(replica).port === portServing(redis))!
  process.kill(serving.pid, 'SIGSTOP')
  const start = performance.now()
  const hits = await Promise.allSettled(Array.from({ length: 20 }, () => ephemeral.hit('a', 60_000)))
  t.comment(`rejected after ${(performance.now() - start).toFixed(0)} ms`)
  t.ok(performance.now() - start < 10_000, 'without a time limit they would wait for ever')
  t.ok(hits.every(({ status }) => status === 'rejected'))
  t.equal((await eventually(() => ephemeral.hit('a', 60_000), 20_000)).count, 2)
  t.not(portServing(redis), placeOf(serving).port)
})

const portServing = (redis: Redis | Cluster) => (redis as unknown as { stream: Socket }).stream.remotePort
