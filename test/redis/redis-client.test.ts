import { randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { type ConnectRedisOptions, connectRedis, redisReady } from '../../src/redis/client.js'
import { withScripts } from '../../src/redis/commands.js'
import type { Ephemeral } from '../../src/redis/ephemeral.js'
import { createKeys } from '../../src/redis/key-names.js'
import { createRedisEphemeral } from '../../src/redis/redis-ephemeral.js'
import { eventually, until } from '../support/eventually.js'
import { findFreePort } from '../support/free-port.js'
import { startRedis } from '../support/servers/own-redis.js'
import { addressOf, MASTER, watch } from '../support/servers/own-redis-sentinels.js'
import { redisTls, skipWithoutOpenssl } from '../support/servers/redis-tls.js'
import { lifetimes } from './redis-for-test.js'

/** One call of each method that asks Redis. */
const calls: Record<string, (ephemeral: Ephemeral) => Promise<unknown>> = {
  publish: ephemeral =>
    ephemeral.publish([{ kind: 'session', subject: 's', reason: 'logout', expiresAt: Date.now() + 60_000 }]),
  recordActivity: ephemeral => ephemeral.recordActivity([{ sessionId: 's', generation: 1, seenAt: Date.now() }]),
  lastActivity: ephemeral => ephemeral.lastActivity(['s']),
  generationLastSeen: ephemeral => ephemeral.generationLastSeen('s', 1),
  hit: ephemeral => ephemeral.hit('a', 60_000),
  unhit: ephemeral => ephemeral.unhit('a'),
  ping: ephemeral => ephemeral.ping(),
}

function open(t: Test, url: string, options: Omit<ConnectRedisOptions, 'log'> = {}) {
  const said: string[] = []
  const log = { info: (message: string) => void said.push(message), warn: (message: string) => void said.push(message) }
  const redis = connectRedis(url, { ...options, log }) as Redis
  t.teardown(() => redis.disconnect())
  return {
    redis,
    said,
    ephemeral: createRedisEphemeral({
      redis,
      openFollower: () => redis.duplicate(),
      keys: createKeys(lifetimes),
      macKeys: [randomBytes(32)],
    }),
  }
}

/** The time limit that connectRedis sets for a command. */
const COMMAND_TIMEOUT_MS = 500
/** Long enough for a busy machine. Without a time limit a command would wait for ever. */
const TIMEOUT_MS = 10_000

const medianOf = (numbers: number[]) => numbers.sort((x, y) => x - y)[Math.floor(numbers.length / 2)]!

/** How many milliseconds a rejection took. */
async function rejectionMs(promise: Promise<unknown>): Promise<number> {
  const start = performance.now()
  return promise.then(
    () => Promise.reject(new Error('it did not reject')),
    () => performance.now() - start,
  )
}

t.test('a database number that Redis does not have is never replaced by database 0', async t => {
  const server = await startRedis(t)
  const { redis, said, ephemeral } = open(t, `${server.url.replace(/\/\d*$/, '')}/99`)
  t.equal(await redisReady(redis, 1000), false)
  t.match(said, [/^Redis is unavailable: ERR DB index is out of range\. .* at the end of REDIS_URL\.$/])
  await t.rejects(ephemeral.hit('a', 60_000))
  t.equal(said.length, 1, 'it is logged once')
})

t.test('a wrong or missing password names the settings', async t => {
  const server = await startRedis(t)
  const admin = open(t, server.url)
  await redisReady(admin.redis, TIMEOUT_MS)
  await admin.redis.config('SET', 'requirepass', 'right')
  const unset = open(t, server.url)
  await until(() => unset.said.length > 0)
  t.match(unset.said[0], /NOAUTH.*set it in REDIS_PASSWORD or in REDIS_URL\.$/)
  const wrong = open(t, server.url.replace('redis://', 'redis://:canary@'))
  await until(() => wrong.said.length > 0)
  t.match(wrong.said[0], /WRONGPASS.*correct REDIS_URL or REDIS_PASSWORD\.$/)
  t.notMatch(wrong.said.join(), 'canary')
})

t.test('while Redis hangs, every method rejects within about a second, and works again afterwards', async t => {
  const server = await startRedis(t)
  const { redis, ephemeral, said } = open(t, server.url)
  t.ok(await redisReady(redis, 5000))
  process.kill(server.pid, 'SIGSTOP')
  const times = await Promise.all(Object.values(calls).map(call => rejectionMs(call(ephemeral))))
  t.ok(Math.max(...times) < TIMEOUT_MS, `the longest took ${Math.max(...times)} ms`)

  await until(() => redis.status !== 'ready')
  const later: number[] = []
  for (let round = 0; round < 10; round++) {
    for (const call of Object.values(calls)) later.push(await rejectionMs(call(ephemeral)))
  }
  t.ok(medianOf(later) < COMMAND_TIMEOUT_MS / 2, 'a silent connection is dropped, and commands are rejected at once')

  process.kill(server.pid, 'SIGCONT')
  // INFO is answered before the connection is ready for the rest.
  t.ok(await redisReady(redis, 10_000))
  for (const [name, call] of Object.entries(calls)) await t.resolves(call(ephemeral), name)
  t.equal(said.length, 2)
  t.match(said, [/^Redis is unavailable: /, 'Redis is available again'])
})

t.test('while Redis is down, every method rejects at once, and works again after a restart', async t => {
  const server = await startRedis(t)
  const { redis, ephemeral, said } = open(t, server.url)
  t.ok(await redisReady(redis, 5000))
  const onTheirWay = Array.from({ length: 100 }, () => ephemeral.hit('a', 60_000).catch(() => 'rejected'))
  process.kill(server.pid, 'SIGKILL')
  await Promise.all(onTheirWay)
  for (const [name, call] of Object.entries(calls)) {
    const ms = await rejectionMs(call(ephemeral))
    t.ok(ms < TIMEOUT_MS, `${name} took ${ms} ms`)
  }
  await server.restart()
  // INFO is answered before the connection is ready for the rest.
  t.ok(await redisReady(redis, 10_000))
  for (const [name, call] of Object.entries(calls)) await t.resolves(call(ephemeral), name)
  t.match(said, [/^Redis is unavailable: /, 'Redis is available again'])
  t.equal(said.length, 2, 'the attempts in between are not news')
})

t.test('a Redis that is down at the start is used once it is up', async t => {
  const server = await startRedis(t)
  await server.stop()
  const { redis, ephemeral } = open(t, server.url)
  t.equal(await redisReady(redis, 100), false)
  await t.rejects(ephemeral.hit('a', 60_000))
  await server.restart()
  t.equal(await redisReady(redis, 10_000), true)
  t.equal(await redisReady(redis, 0), true)
  t.equal((await ephemeral.hit('a', 60_000)).count, 1)
})

t.test('a Redis command that got no answer is not sent again', async t => {
  const server = await startRedis(t)
  const { redis, ephemeral } = open(t, server.url)
  await redisReady(redis, 5000)
  await ephemeral.hit('a', 60_000)
  process.kill(server.pid, 'SIGSTOP')
  await t.rejects(ephemeral.hit('a', 60_000), /Command timed out/)
  await until(() => redis.status !== 'ready')
  process.kill(server.pid, 'SIGCONT')
  // The paused server has the command in its socket, and runs it once.
  t.equal((await eventually(() => ephemeral.hit('a', 60_000))).count, 3)
})

t.test('a connection to a Redis server that became a replica is dropped', async t => {
  const server = await startRedis(t)
  const { redis, ephemeral } = open(t, server.url)
  await redisReady(redis, 5000)
  let connections = 0
  redis.on('connect', () => connections++)
  await redis.replicaof('127.0.0.1', 1)
  await t.rejects(ephemeral.hit('a', 60_000), /READONLY/)
  await until(() => connections === 1)
  await eventually(() => redis.config('SET', 'replica-serve-stale-data', 'no'))
  await t.rejects(ephemeral.hit('a', 60_000), /MASTERDOWN/)
  await until(() => connections === 2)
  await eventually(() => redis.replicaof('NO', 'ONE'))
  await t.resolves(eventually(() => ephemeral.hit('a', 60_000)))
})

t.test('closing the Redis client works, also while Redis hangs or is down', async t => {
  const server = await startRedis(t)
  const clients = [open(t, server.url), open(t, server.url), open(t, server.url)]
  for (const { redis } of clients) await redisReady(redis, 5000)
  const [first, second, third] = clients as [(typeof clients)[0], (typeof clients)[0], (typeof clients)[0]]
  await first.ephemeral.close()
  await t.rejects(first.ephemeral.ping())
  t.same(first.said, [], 'an intended close is not logged')
  process.kill(server.pid, 'SIGSTOP')
  await t.resolves(second.ephemeral.close())
  process.kill(server.pid, 'SIGKILL')
  await t.resolves(third.ephemeral.close())
})

t.test('the Redis password never appears in the log', async t => {
  const server = await startRedis(t)
  const administrator = open(t, server.url)
  await redisReady(administrator.redis, 5000)
  await administrator.redis.config('SET', 'requirepass', 'right')
  const { said } = open(t, `${server.url.replace('//', '//:canary-password@')}`)
  await until(() => said.length > 0)
  t.match(said[0], /WRONGPASS/)
  t.notMatch(said.join(), /canary/)
})

t.test('with TLS, Redis needs a certificate of the given authority', { skip: skipWithoutOpenssl }, async t => {
  const { cert, url, args } = await redisTls(t)
  await startRedis(t, { args })
  const trusting = open(t, url, { caFile: cert })
  t.ok(await redisReady(trusting.redis, 5000))
  await t.resolves(trusting.ephemeral.ping())

  const doubting = open(t, url)
  t.notOk(await redisReady(doubting.redis, 300))
  t.match(doubting.said, [/certificate/])
})

t.test(
  'with TLS, Redis Cluster nodes need a certificate of the given authority',
  { skip: skipWithoutOpenssl },
  async t => {
    const { cert, url, args } = await redisTls(t)
    const ports = ['--cluster-port', `${await findFreePort()}`, '--cluster-announce-ip', '127.0.0.1']
    const server = await startRedis(t, {
      args: [...args, '--cluster-enabled', 'yes', '--tls-cluster', 'yes', ...ports],
    })
    const administrator = open(t, server.url)
    await redisReady(administrator.redis, 5000)
    await administrator.redis.cluster('ADDSLOTSRANGE', 0, 16383)
    const trusting = open(t, url, { caFile: cert, cluster: true })
    t.ok(await redisReady(trusting.redis, 5000))
    await t.resolves(trusting.ephemeral.ping())

    const doubting = open(t, url, { cluster: true })
    t.notOk(await redisReady(doubting.redis, 1000))
  },
)

t.test('with TLS, Sentinels need a certificate of the given authority', { skip: skipWithoutOpenssl }, async t => {
  const [tls, sentinelTls] = [await redisTls(t), await redisTls(t)]
  const [server, sentinel] = await Promise.all([
    startRedis(t, { args: tls.args }),
    startRedis(t, { args: sentinelTls.args, sentinel: true }),
  ])
  await watch(sentinel, server)
  const url = `redis://${new URL(sentinelTls.url).host}`
  const plainly = open(t, url, { caFile: sentinelTls.cert, sentinel: { master: MASTER, tls: true } })
  t.ok(await redisReady(plainly.redis, 5000))
  await t.resolves(plainly.ephemeral.ping())

  await watch(sentinel, { ...server, url: tls.url })
  const secretly = open(t, addressOf([sentinel]).replace('redis:', 'rediss:'), {
    caFile: tls.cert,
    sentinel: { master: MASTER, tls: false },
  })
  t.ok(await redisReady(secretly.redis, 5000))
  await t.resolves(secretly.ephemeral.ping())

  const doubting = open(t, url.replace('redis:', 'rediss:'), { sentinel: { master: MASTER } })
  await until(() => doubting.said.length === 2)
  t.match(doubting.said[0], /^The Sentinel at .* cannot be reached by TLS \(.*certificate.*\)\. Correct REDIS_CA_FILE/)
})

t.test(
  'entries of the blacklist are sent outside the pipelines of ioredis, which would keep them in memory',
  async t => {
    const server = await startRedis(t)
    const { redis, ephemeral } = open(t, server.url)
    await redisReady(redis, 5000)
    const expiresAt = Date.now() + 60_000
    const all = () => [{ kind: 'session', subject: 's', reason: 'logout', expiresAt } as const]
    const raised = withScripts(redis).latchkeyRaise('k', 1, 60_000)
    t.equal(redis.autoPipelineQueueSize, 0)
    const read = redis.get('k')
    t.equal(redis.autoPipelineQueueSize, 1, 'as other commands are not')
    await raised
    t.equal(await read, '1')

    await ephemeral.complete({ from: undefined, to: { serverStart: 'one', xid: '1' }, entries: [], all })
    t.equal(await redis.get('lk1:revoked:session:s'), '1')
  },
)
