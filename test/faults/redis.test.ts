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

// Whatever happens to Redis, every endpoint works, and no revoked token is accepted again.
const WORST_MS = 5000

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

const whole = { expect: { readyz: ['degraded', 200] }, worstMs: WORST_MS, lastsMs: 2500 }

t.test('no session is lost while Redis refuses connections', async t => {
  const { instances } = await open(t)
  const { redis } = instances
  await runRow(t, { ...whole, fault: 'Redis refuses', instances, begin: redis.refuse, end: redis.heal })
})

t.test('no session is lost while Redis hangs', ONLY_IN_FULL, async t => {
  const { instances, server } = await open(t)
  const begin = () => process.kill(server.pid, 'SIGSTOP')
  const end = () => process.kill(server.pid, 'SIGCONT')
  await runRow(t, { ...whole, fault: 'Redis hangs', instances, begin, end })
})

t.test('no session is lost while all data to Redis is dropped', ONLY_IN_FULL, async t => {
  const { instances } = await open(t)
  const { redis } = instances
  await runRow(t, {
    ...whole,
    fault: 'Redis in a black hole',
    instances,
    begin: () => redis.blackHole(),
    end: redis.heal,
  })
})

t.test('no session is lost when Redis is flushed, and its blacklist becomes complete again', async t => {
  const { instances, admin } = await open(t)
  const begin = () => admin.flushall()
  const traffic = await runRow(t, { ...whole, fault: 'Redis is flushed', instances, begin, end: () => {} })
  const isComplete = async () => {
    const held = new Set(await blacklisted(admin))
    return traffic.revoked.every(({ sessionId }) => held.has(sessionId))
  }
  await until(isComplete, 'the blacklist is complete again')
})

t.test('no session is lost when Redis is killed and comes back empty', ONLY_IN_FULL, async t => {
  const { instances, server } = await open(t)
  const begin = () => process.kill(server.pid, 'SIGKILL')
  await runRow(t, { ...whole, fault: 'Redis is killed', instances, begin, end: server.restart })
})

t.test('no session is lost when Redis comes back from a snapshot, and its blacklist becomes complete', async t => {
  const { instances, server, admin } = await open(t, ['--dbfilename', 'dump.rdb'])
  const [, folder] = (await admin.config('GET', 'dir')) as [string, string]
  const begin = async () => {
    await admin.save()
    await copyFile(join(folder, 'dump.rdb'), join(folder, 'old.rdb'))
    // Users sign out. The snapshot does not have these revocations.
    await sleep(1000)
    process.kill(server.pid, 'SIGKILL')
    await copyFile(join(folder, 'old.rdb'), join(folder, 'dump.rdb'))
  }
  const traffic = await runRow(t, { ...whole, fault: 'Redis from a snapshot', instances, begin, end: server.restart })
  t.ok(traffic.revoked.length > 3)
  const isComplete = async () => {
    const held = new Set(await blacklisted(admin))
    return traffic.revoked.every(({ sessionId }) => held.has(sessionId))
  }
  await until(isComplete, 'the blacklist is complete again')
})

t.test('no session is lost while Redis evicts keys, and readyz reports it', async t => {
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
  const traffic = await runRow(t, { ...whole, fault: 'Redis evicts', instances, begin, end })
  t.ok(traffic.degraded.has('redis-eviction'), 'readyz says so')
})

t.test('no session is lost while the stream in Redis is trimmed', ONLY_IN_FULL, async t => {
  const { instances, admin } = await open(t)
  const trim = setInterval(() => void admin.xtrim(`${instances.env.REDIS_KEY_PREFIX}:revoked:news`, 'MAXLEN', 0), 2)
  t.teardown(() => clearInterval(trim))
  await runRow(t, {
    ...whole,
    fault: 'the stream is trimmed',
    instances,
    begin: () => {},
    end: () => clearInterval(trim),
  })
})

t.test('no session is lost when Redis is down at the start', ONLY_IN_FULL, async t => {
  const server = await startRedis(t)
  await server.stop()
  const instances = await startInstances(t, { redisUrl: server.url })
  await runRow(t, { ...whole, fault: 'Redis is down at the start', instances, begin: () => {}, end: server.restart })
})

async function openCluster(t: Test) {
  const cluster = await startRedisCluster(t)
  // Its nodes give clients each other's addresses, so clients bypass any proxy.
  const instances = await startInstances(t, { env: { REDIS_URL: cluster.masters[2]!.url, REDIS_CLUSTER: 'on' } })
  return { ...cluster, instances }
}

t.test('no session is lost when a Redis Cluster master is killed, and its replica takes over', async t => {
  const { instances, masters } = await openCluster(t)
  const [first] = masters
  const begin = () => process.kill(first!.pid, 'SIGKILL')
  await runRow(t, {
    ...whole,
    lastsMs: 4000,
    fault: 'a Cluster master is killed',
    instances,
    begin,
    end: first!.restart,
  })
})

t.test('no session is lost while a master of a Redis Cluster hangs', ONLY_IN_FULL, async t => {
  const { instances, masters } = await openCluster(t)
  const { pid } = masters[1]!
  const begin = () => process.kill(pid, 'SIGSTOP')
  const end = () => process.kill(pid, 'SIGCONT')
  await runRow(t, { ...whole, lastsMs: 4000, fault: 'a Cluster master hangs', instances, begin, end })
})

t.test('no session is lost when a Redis master is killed and Sentinels replace it', ONLY_IN_FULL, async t => {
  const { master, url } = await startRedisSentinels(t, { replicas: 1, sentinels: 3 })
  const env = { REDIS_URL: url, REDIS_SENTINEL_MASTER: MASTER }
  const instances = await startInstances(t, { env })
  const begin = () => process.kill(master.pid, 'SIGKILL')
  await runRow(t, {
    ...whole,
    lastsMs: 4000,
    fault: 'a Sentinel master is killed',
    instances,
    begin,
    end: master.restart,
  })
})

t.test('what each endpoint answered during faults of Redis is printed as a table', async t => printTable(t))
