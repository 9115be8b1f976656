import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { until } from '../support/eventually.js'
import { startRedis } from '../support/servers/own-redis.js'
import { startRedisCluster } from '../support/servers/own-redis-cluster.js'
import { MASTER, startRedisSentinels } from '../support/servers/own-redis-sentinels.js'
import { startInstances } from './instances.js'
import { ONLY_IN_FULL, printTable, runRow } from './run-row.js'

// Whatever happens to Redis, everything goes on, and nothing revoked revives.
const DEAD_MS = 1500

async function open(t: Test, args: readonly string[] = []) {
  const server = await startRedis(t, { args })
  const admin = new Redis(server.url)
  admin.on('error', () => {})
  t.teardown(() => admin.disconnect())
  const instances = await startInstances(t, { redisUrl: server.url })
  return { server, admin, instances }
}

/** The sessions that the blacklist in Redis holds. */
async function blacklisted(admin: Redis): Promise<string[]> {
  return (await admin.keys('*:revoked:session:*')).map(key => key.split(':').at(-1)!)
}

const whole = { expect: { readyz: ['degraded', 200] }, worstMs: DEAD_MS, lastsMs: 2500 }

t.test('Redis refuses', async t => {
  const { instances } = await open(t)
  const { redis } = instances
  await runRow(t, { ...whole, fault: t.name, instances, begin: redis.refuse, end: redis.heal })
})

t.test('Redis hangs', ONLY_IN_FULL, async t => {
  const { instances, server } = await open(t)
  const begin = () => process.kill(server.pid, 'SIGSTOP')
  const end = () => process.kill(server.pid, 'SIGCONT')
  await runRow(t, { ...whole, fault: t.name, instances, begin, end })
})

t.test('Redis is in a black hole', ONLY_IN_FULL, async t => {
  const { instances } = await open(t)
  const { redis } = instances
  await runRow(t, { ...whole, fault: t.name, instances, begin: () => redis.blackHole(), end: redis.heal })
})

t.test('Redis is flushed', async t => {
  const { instances, admin } = await open(t)
  const begin = () => admin.flushall()
  const traffic = await runRow(t, { ...whole, fault: t.name, instances, begin, end: () => {} })
  const isComplete = async () => {
    const held = new Set(await blacklisted(admin))
    return traffic.revoked.every(({ sessionId }) => held.has(sessionId))
  }
  await until(isComplete, 'the blacklist is complete again')
})

t.test('Redis is killed and comes back empty', ONLY_IN_FULL, async t => {
  const { instances, server } = await open(t)
  const begin = () => process.kill(server.pid, 'SIGKILL')
  await runRow(t, { ...whole, fault: t.name, instances, begin, end: server.restart })
})

t.test('Redis comes back from an old snapshot', async t => {
  const { instances, server, admin } = await open(t, ['--dbfilename', 'dump.rdb'])
  const [, folder] = (await admin.config('GET', 'dir')) as [string, string]
  const begin = async () => {
    await admin.save()
    await copyFile(join(folder, 'dump.rdb'), join(folder, 'old.rdb'))
    // People sign out, which the snapshot does not know.
    await sleep(1000)
    process.kill(server.pid, 'SIGKILL')
    await copyFile(join(folder, 'old.rdb'), join(folder, 'dump.rdb'))
  }
  const traffic = await runRow(t, { ...whole, fault: t.name, instances, begin, end: server.restart })
  t.ok(traffic.revoked.length > 3)
  const isComplete = async () => {
    const held = new Set(await blacklisted(admin))
    return traffic.revoked.every(({ sessionId }) => held.has(sessionId))
  }
  await until(isComplete, 'the blacklist is complete again')
})

t.test('Redis evicts', async t => {
  const { instances, admin } = await open(t)
  const begin = async () => {
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru')
    await admin.config('SET', 'maxmemory', '3mb')
    const filler = 'x'.repeat(10_000)
    const before = await blacklisted(admin)
    let held = before
    for (let number = 0; held.includes(before[0]!) && number < 20_000; number++) {
      await admin.set(`filler:${number}`, filler)
      held = await blacklisted(admin)
    }
    t.notOk(held.includes(before[0]!), 'an entry of the blacklist was evicted')
  }
  const end = async () => {
    await admin.config('SET', 'maxmemory', '0')
    await admin.config('SET', 'maxmemory-policy', 'noeviction')
  }
  const traffic = await runRow(t, { ...whole, fault: t.name, instances, begin, end })
  t.ok(traffic.degraded.has('redis-eviction'), 'readyz says so')
})

t.test('the stream is trimmed', ONLY_IN_FULL, async t => {
  const { instances, admin } = await open(t)
  const trim = setInterval(() => void admin.xtrim(`${instances.env.REDIS_KEY_PREFIX}:revoked:news`, 'MAXLEN', 0), 2)
  t.teardown(() => clearInterval(trim))
  await runRow(t, { ...whole, fault: t.name, instances, begin: () => {}, end: () => clearInterval(trim) })
})

t.test('Redis is absent at start', ONLY_IN_FULL, async t => {
  const server = await startRedis(t)
  await server.stop()
  const instances = await startInstances(t, { redisUrl: server.url })
  await runRow(t, { ...whole, fault: t.name, instances, begin: () => {}, end: server.restart })
})

async function openCluster(t: Test) {
  const cluster = await startRedisCluster(t)
  // Its nodes name one another, so clients go past any proxy.
  const instances = await startInstances(t, { env: { REDIS_URL: cluster.masters[2]!.url, REDIS_CLUSTER: 'on' } })
  return { ...cluster, instances }
}

t.test('a master of a Redis Cluster is killed, and its replica takes over', async t => {
  const { instances, masters } = await openCluster(t)
  const [first] = masters
  const begin = () => process.kill(first!.pid, 'SIGKILL')
  await runRow(t, { ...whole, lastsMs: 4000, fault: t.name, instances, begin, end: first!.restart })
})

t.test('a master of a Redis Cluster hangs', ONLY_IN_FULL, async t => {
  const { instances, masters } = await openCluster(t)
  const { pid } = masters[1]!
  const begin = () => process.kill(pid, 'SIGSTOP')
  const end = () => process.kill(pid, 'SIGCONT')
  await runRow(t, { ...whole, lastsMs: 4000, fault: t.name, instances, begin, end })
})

t.test('the master behind Sentinels is killed, and its replica takes over', ONLY_IN_FULL, async t => {
  const { master, url } = await startRedisSentinels(t, { replicas: 1, sentinels: 3 })
  const env = { REDIS_URL: url, REDIS_SENTINEL_MASTER: MASTER }
  const instances = await startInstances(t, { env })
  const begin = () => process.kill(master.pid, 'SIGKILL')
  await runRow(t, { ...whole, lastsMs: 4000, fault: t.name, instances, begin, end: master.restart })
})

t.test('the table', async t => printTable(t))
