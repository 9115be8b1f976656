import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import t from 'tap'
import { connectRedis, redisReady } from '../../src/redis/client.js'
import { createKeys } from '../../src/redis/key-names.js'
import { createRedisEphemeral } from '../../src/redis/redis-ephemeral.js'
import { until } from '../support/eventually.js'
import { startRedis } from '../support/servers/own-redis.js'
import { lifetimes } from './redis-for-test.js'

/** The page that tells an operator which rights to give. */
const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
const rule = /ACL SETUSER latchkey on >password (.*)/.exec(page)![1]!

const server = await startRedis(t)
const administrator = new Redis(server.url)
t.teardown(() => administrator.disconnect())

/** Does everything once as a user with these rights; returns what is reported as degraded, and the log. */
async function useAll(rights: string) {
  await administrator.call('ACL', 'SETUSER', 'latchkey', 'reset', 'on', '>password', ...rights.split(' '))
  await administrator.flushall()
  const url = server.url.replace('//', '//latchkey:password@')
  const redis = connectRedis(url)
  const said: string[] = []
  const ephemeral = createRedisEphemeral({
    redis,
    openFollower: () => connectRedis(url, { blocking: true }),
    keys: createKeys({ ...lifetimes, prefix: 'lk1' }),
    macKeys: [randomBytes(32)],
    log: { warn: message => void said.push(message) },
  })
  t.ok(await redisReady(redis, 10_000))
  let hasNews = false
  const following = ephemeral.follow(() => {
    hasNews = true
  })
  const session = { kind: 'session', subject: 's', reason: 'logout', expiresAt: Date.now() + 60_000 } as const
  const to = { serverStart: 'one', xid: '1' }
  // A counter without an expiry has to be repaired.
  await administrator.set('lk1:endless', 1)
  const calls = [
    () => ephemeral.publish([session]),
    () => ephemeral.recordActivity([{ sessionId: 's', generation: 1, seenAt: Date.now() }]),
    () => ephemeral.lastActivity(['s']),
    () => ephemeral.generationLastSeen('s', 1),
    () => ephemeral.hit('a', 60_000),
    () => ephemeral.unhit('a'),
    () => ephemeral.complete({ from: undefined, to, entries: [], all: () => [session] }),
  ]
  for (const call of calls) await call().catch(() => {})
  await until(() => hasNews || said.length > 0)
  const degraded = await ephemeral.ping()
  await following.stop()
  redis.disconnect()
  return { degraded, said }
}

t.test('the Redis rights that docs/configuration.md lists are enough for every call', async t => {
  t.same(await useAll(rule.replace('~lk1:*', '~lk1:*')), { degraded: [], said: [] })
})

t.test('a missing Redis right is named in the log, and readyz reports that one is missing', async t => {
  for (const command of [
    'evalsha',
    'get',
    'set',
    'incr',
    'decr',
    'del',
    'pttl',
    'pexpire',
    'xadd',
    'xread',
    'xrevrange',
  ]) {
    t.match(rule, new RegExp(`\\+${command}\\b`))
    const { degraded, said } = await useAll(`${rule} -${command}`)
    t.same(degraded, ['redis-rights'], command)
    t.match(said.join('\n'), new RegExp(`denies .*('${command}|executing the script).*docs/configuration.md`), command)
  }
  const { degraded, said } = await useAll(rule.replace('~lk1:*', '~other:*'))
  t.same(degraded, ['redis-rights'])
  t.match(said.join('\n'), /denies .*key/i)
})

t.test('a missing right to INFO is logged and does not degrade the service', async t => {
  const { degraded, said } = await useAll(`${rule} -info`)
  t.same(degraded, [])
  t.match(said, [/denies .*'info'/])
})
