import t, { type Test } from 'tap'
import { createKeys } from '../../src/redis/key-names.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { eventually, until } from '../support/eventually.js'
import { type Person, post, refresh, signUp, verify } from '../support/people.js'
import type { OwnRedis } from '../support/servers/own-redis.js'
import { ask, MASTER, type OwnRedisSentinels, startRedisSentinels } from '../support/servers/own-redis-sentinels.js'

const PEOPLE = 5

const signUpAll = ({ app }: TestApp) => Promise.all(Array.from({ length: PEOPLE }, () => signUp(app)))

/** Logs these users out at one instance and checks that the other refuses their tokens. */
async function logOutAll(t: Test, at: TestApp, other: TestApp, people: readonly Person[]): Promise<void> {
  for (const { accessToken } of people) {
    const { statusCode } = await post(at.app, '/auth/logout', {}, { authorization: `Bearer ${accessToken}` })
    t.equal(statusCode, 204)
  }
  for (const { accessToken } of people) {
    await until(async () => (await verify(other.app, accessToken)) === 'token_revoked')
  }
}

const degradedOf = async ({ app }: TestApp) => (await app.inject('/readyz')).json().degraded ?? []

/** From here on the replica receives nothing, as if the master failed before it could replicate. */
async function cutOffReplica({ master }: OwnRedisSentinels): Promise<void> {
  await ask(master, async client => {
    await client.call('ACL', 'SETUSER', 'default', '-psync', '-sync')
    await client.call('CLIENT', 'KILL', 'TYPE', 'replica')
  })
}

/** How many of these sessions are in the blacklist of this server. */
function blacklisted({ config }: TestApp, server: OwnRedis, people: readonly Person[]) {
  const { keyPrefix: prefix } = config.redis
  const keys = createKeys({ prefix, refreshTokenTtlSeconds: 1 })
  const names = people.map(({ sessionId: subject }) => {
    return keys.revoked({ kind: 'session', subject, reason: 'logout', expiresAt: null })[0]!.key
  })
  return ask(server, client => client.exists(names))
}

t.test('a Sentinel failover to an outdated replica signs no user out, and earlier logouts stay in force', async t => {
  const servers = await startRedisSentinels(t, { replicas: 1, sentinels: 1 })
  const { master, url } = servers
  const [replica, sentinel] = [servers.replicas[0]!, servers.sentinels[0]!]
  await ask(sentinel, client => client.call('SENTINEL', 'SET', MASTER, 'down-after-milliseconds', 60_000))
  const a = await buildTestApp(t, { REDIS_URL: url, REDIS_SENTINEL_MASTER: MASTER })
  const b = await a.another()
  const [stay, early, late, during] = [await signUpAll(a), await signUpAll(a), await signUpAll(a), await signUpAll(a)]
  await logOutAll(t, a, b, early)
  await until(async () => (await blacklisted(a, replica, early)) === PEOPLE)
  t.same(await degradedOf(a), [])

  await cutOffReplica(servers)
  await logOutAll(t, a, b, late)
  t.equal(await blacklisted(a, replica, late), 0, 'the replica has not received it')
  process.kill(master.pid, 'SIGKILL')
  await until(async () => (await degradedOf(a)).includes('redis'))
  await logOutAll(t, b, a, during)
  t.ok(await signUp(b.app))

  await ask(sentinel, client => client.call('SENTINEL', 'FAILOVER', MASTER))
  for (const instance of [a, b]) await eventually(() => instance.stores.ephemeral.ping(), 20_000)
  for (const { app } of [a, b]) {
    for (const person of [...early, ...late, ...during]) t.equal(await verify(app, person.accessToken), 'token_revoked')
    for (const person of stay) t.equal(await verify(app, person.accessToken), 200)
  }
  for (const person of stay) t.equal((await refresh(b.app, person.refreshToken)).statusCode, 200)
  const gone = [...early, ...late, ...during]
  const isComplete = async () => (await blacklisted(a, replica, gone)) === gone.length
  await until(isComplete, 'the blacklist at the new master is complete')
  t.same(await degradedOf(a), [])
})
