import type { Cluster } from 'ioredis'
import t from 'tap'
import { connectRedis } from '../../src/redis/client.js'
import { ephemeralContract } from '../contract/ephemeral.js'
import { eventually, until } from '../support/eventually.js'
import { startRedisCluster } from '../support/servers/own-redis-cluster.js'
import { openRedisForTest } from './redis-for-test.js'

// Its nodes reject commands on several slots, and redirect commands on the slots of another node.
const { masters, replica } = await startRedisCluster(t)
const { url } = masters[2]!

t.test('a Redis Cluster passes the contract of the ephemeral store', t =>
  ephemeralContract(t, (t, settings) => openRedisForTest(t, url, { cluster: true, settings })),
)

t.test('keys are spread over all masters of a Redis Cluster', async t => {
  const { ephemeral, redis } = await openRedisForTest(t, url, { cluster: true })
  for (let n = 0; n < 50; n++) await ephemeral.hit(`${n}`, 60_000)
  const nodes = (redis as Cluster).nodes('master')
  t.equal(nodes.length, masters.length)
  for (const node of nodes) t.ok((await node.dbsize()) > 0)
})

t.test('one Redis Cluster node that may evict keys is enough to report eviction', async t => {
  const { ephemeral, redis } = await openRedisForTest(t, url, { cluster: true })
  t.same(await ephemeral.ping(), [])
  for (const node of (redis as Cluster).nodes('master')) {
    await node.config('SET', 'maxmemory-policy', 'allkeys-lru')
    t.same(await ephemeral.ping(), ['redis-eviction'])
    await node.config('SET', 'maxmemory-policy', 'noeviction')
  }
  t.same(await ephemeral.ping(), [])
})

t.test('while a Redis Cluster node hangs, every call is answered or rejected within about a second', async t => {
  const { ephemeral } = await openRedisForTest(t, url, { cluster: true })
  const names = Array.from({ length: 30 }, (_, n) => `${n}`)
  const hitAll = () => Promise.allSettled(names.map(name => ephemeral.hit(name, 60_000)))
  await until(async () => (await hitAll()).every(({ status }) => status === 'fulfilled'))
  process.kill(masters[1]!.pid, 'SIGSTOP')
  const start = performance.now()
  const answers = await hitAll()
  t.comment(`${(performance.now() - start).toFixed(0)} ms`)
  // Without a time limit they would wait for ever.
  t.ok(performance.now() - start < 10_000)
  t.ok(answers.some(({ status }) => status === 'fulfilled'))
  t.ok(answers.some(({ status }) => status === 'rejected'))

  process.kill(masters[1]!.pid, 'SIGCONT')
  await until(async () => (await hitAll()).every(({ status }) => status === 'fulfilled'))
})

t.test('every Redis Cluster node is given the password of the address', async t => {
  const nodes = [...masters, replica]
  const { redis } = await openRedisForTest(t, url, { cluster: true })
  for (const node of (redis as Cluster).nodes())
    await node.config('SET', 'requirepass', 's3cr:t', 'masterauth', 's3cr:t')
  const { ephemeral } = await openRedisForTest(t, url.replace('//', '//:s3cr%3At@'), { cluster: true })
  for (let n = 0; n < 50; n++) await t.resolves(eventually(() => ephemeral.hit(`${n}`, 60_000)))
  t.equal((redis as Cluster).nodes().length, nodes.length)

  const said: string[] = []
  const log = { info() {}, warn: (message: string) => void said.push(message) }
  const intruder = connectRedis(url.replace('//', '//:canary@'), { cluster: true, log })
  t.teardown(() => intruder.disconnect())
  await until(() => said.length > 0)
  t.match(said[0], /WRONGPASS/)
  t.notMatch(said.join(), /canary/)
})
