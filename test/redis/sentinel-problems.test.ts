import { readFileSync } from 'node:fs'
import type { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { connectRedis, redisReady, type SentinelOptions } from '../../src/redis/client.js'
import { until } from '../support/eventually.js'
import { findFreePort } from '../support/free-port.js'
import { startRedis } from '../support/servers/own-redis.js'
import { addressOf, ask, MASTER, placeOf, watch } from '../support/servers/own-redis-sentinels.js'

/** The page that tells an operator which rights to give. */
const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
const rights = /ACL SETUSER latchkey-sentinel on >password (.*)/.exec(page)![1]!

const [master, open, guarded] = await Promise.all([
  startRedis(t),
  startRedis(t, { sentinel: true }),
  startRedis(t, { sentinel: true }),
])
await Promise.all([open, guarded].map(sentinel => watch(sentinel, master)))
await ask(guarded, async client => {
  await client.call('ACL', 'SETUSER', 'latchkey', 'on', '>password', ...rights.split(' '))
  await client.call('ACL', 'SETUSER', 'helpless', 'on', '>password', '-@all', '+@connection')
  await client.call('ACL', 'SETUSER', 'default', 'resetpass', '>s3cr:t')
})

function connect(t: Test, url: string, sentinel?: SentinelOptions) {
  const said: string[] = []
  const log = { info: (message: string) => void said.push(message), warn: (message: string) => void said.push(message) }
  const redis = connectRedis(url, { sentinel, log }) as Redis
  t.teardown(() => redis.disconnect())
  return { redis, said }
}

t.test('the reason why Sentinels do not lead to a master is logged once, with what to do', async t => {
  const absent = `redis://127.0.0.1:${await findFreePort()}`
  const cases: [url: string, options: Partial<SentinelOptions>, fix: RegExp][] = [
    [addressOf([open]), { master: 'another' }, /knows no master named "another"\. Correct REDIS_SENTINEL_MASTER\./],
    [addressOf([guarded]), {}, /requires a password\. Set REDIS_SENTINEL_PASSWORD\./],
    [addressOf([guarded]), { password: 'canary' }, /rejects the password\. Correct REDIS_SENTINEL_PASSWORD/],
    [addressOf([guarded]), { username: 'nobody', password: 'canary' }, /rejects the password\./],
    [addressOf([guarded]), { username: 'helpless', password: 'password' }, /denies .*get-master-addr.*"Rights"/],
    [master.url, {}, /is a Redis server and not a Sentinel\. Name the Sentinels in REDIS_URL/],
    [
      absent,
      {},
      /cannot be reached \(connect ECONNREFUSED .*\)\. Start it, or correct REDIS_URL, or set REDIS_SENTINEL_TLS=on/,
    ],
    ['redis://no-such-host.invalid', {}, /at no-such-host\.invalid:26379 cannot be reached \(getaddrinfo E/],
    [addressOf([open]), { tls: true }, /cannot be reached .*, or set REDIS_SENTINEL_TLS=off/],
  ]
  await Promise.all(
    cases.map(async ([url, options, fix]) => {
      const { redis, said } = connect(t, url, { master: MASTER, ...options })
      let rounds = 0
      redis.on('error', () => rounds++)
      await until(() => rounds >= 3)
      await t.rejects(redis.set('a', 1), /isn't writeable/, 'a command is refused at once')
      t.match(said, [fix, 'Redis is unavailable: no Sentinel names a master'], String(fix))
      t.equal(said.length, 2)
      t.notMatch(said.join(), /canary/)
    }),
  )
})

t.test('one working Sentinel of several is enough, and the problems of the others are logged', async t => {
  const url = addressOf([guarded, open]).replace('redis://', 'redis://127.0.0.1:1,')
  const { redis, said } = connect(t, url, { master: MASTER })
  t.ok(await redisReady(redis, 10_000))
  t.equal(await redis.set('a', 1), 'OK')
  await until(() => said.length === 2)
  t.match(said.sort(), [/127\.0\.0\.1:1 cannot be reached/, /requires a password/])
})

t.test('Sentinels and Redis are each given their own user and password', async t => {
  await ask(master, client => client.config('SET', 'requirepass', 'of-redis'))
  const url = addressOf([guarded]).replace('//', '//:of-redis@')
  for (const options of [{ password: 's3cr:t' }, { username: 'latchkey', password: 'password' }]) {
    const { redis, said } = connect(t, url, { master: MASTER, ...options })
    t.ok(await redisReady(redis, 10_000))
    t.equal(await redis.set('a', 1), 'OK')
    t.same(said, [])
  }
  const wrong = connect(t, addressOf([open]).replace('//', '//:canary@'), { master: MASTER })
  await until(() => wrong.said.length > 0)
  t.match(wrong.said, [
    new RegExp(`^Redis is unavailable: WRONGPASS .*the Sentinels name 127.0.0.1:${placeOf(master).port}`),
  ])
  t.notMatch(wrong.said.join(), /canary/)
  await ask({ ...master, url: master.url.replace('//', '//:of-redis@') }, client =>
    client.config('SET', 'requirepass', ''),
  )
})

t.test('a replica is not accepted as the master, even if a Sentinel names it', async t => {
  await ask(master, client => client.replicaof('127.0.0.1', 1))
  const { redis } = connect(t, addressOf([open]), { master: MASTER })
  let connections = 0
  redis.on('connect', () => connections++)
  await until(() => connections >= 3)
  await t.rejects(redis.set('a', 1), /isn't writeable/)
  await ask(master, client => client.replicaof('NO', 'ONE'))
  t.ok(await redisReady(redis, 10_000))
  t.equal(await redis.set('a', 1), 'OK')
})

t.test('a Sentinel in REDIS_URL without REDIS_SENTINEL_MASTER is rejected with what to set', async t => {
  const { redis, said } = connect(t, open.url)
  await until(() => redis.status === 'end')
  t.match(said, [/^REDIS_URL is the address of a Sentinel: set REDIS_SENTINEL_MASTER/])
  await t.rejects(redis.set('a', 1), /^Connection is closed/)
})

t.test('while Sentinels hang, commands are rejected at once, and closing the client works', async t => {
  process.kill(open.pid, 'SIGSTOP')
  const { redis, said } = connect(t, addressOf([open]), { master: MASTER })
  await t.rejects(redis.set('a', 1), /isn't writeable/)
  await until(() => said.length === 2)
  t.match(said, [/cannot be reached \(no answer in time\)/, 'Redis is unavailable: no Sentinel names a master'])
  redis.disconnect()
  await until(() => redis.status === 'end')
  process.kill(open.pid, 'SIGCONT')
})
