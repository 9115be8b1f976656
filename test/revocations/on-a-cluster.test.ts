import type { Cluster } from 'ioredis'
import t, { type Test } from 'tap'
import { connectRedis, redisReady } from '../../src/redis/client.js'
import { createKeys } from '../../src/redis/key-names.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { eventually } from '../support/eventually.js'
import { type Person, post, refresh, signUp, verify } from '../support/people.js'
import { type OwnRedisCluster, startRedisCluster } from '../support/servers/own-redis-cluster.js'

const logOut = ({ app }: TestApp, { accessToken }: Person) =>
  post(app, '/auth/logout', {}, { authorization: `Bearer ${accessToken}` })

async function twoInstances(t: Test, { masters }: OwnRedisCluster): Promise<[TestApp, TestApp]> {
  const a = await buildTestApp(t, { REDIS_URL: masters[2]!.url, REDIS_CLUSTER: 'on' })
  return [a, await a.another()]
}

/** Enough for each master to get some of their keys. */
const PEOPLE = 12

async function signUpAll({ app }: TestApp): Promise<Person[]> {
  return Promise.all(Array.from({ length: PEOPLE }, () => signUp(app)))
}

/** Logs these users out at one instance and checks that the other refuses their tokens. */
async function logOutAll(t: Test, [a, b]: [TestApp, TestApp], people: readonly Person[]): Promise<void> {
  for (const person of people) {
    t.equal((await logOut(a, person)).statusCode, 204)
    await eventually(async () => {
      if ((await verify(b.app, person.accessToken)) !== 'token_revoked') throw new Error('not refused yet')
    })
  }
}

t.test('a failover in Redis Cluster logs no user out, and earlier logouts stay in force', async t => {
  const cluster = await startRedisCluster(t)
  const instances = await twoInstances(t, cluster)
  const [a, b] = instances
  const [stay, leave] = [await signUpAll(a), await signUpAll(a)]
  process.kill(cluster.masters[0]!.pid, 'SIGKILL')

  await logOutAll(t, instances, leave)
  for (const person of stay) {
    t.equal(await verify(b.app, person.accessToken), 200)
    t.equal((await refresh(b.app, person.refreshToken)).statusCode, 200)
  }
  await eventually(() => b.stores.ephemeral.ping())
  const counter = async (name: string) => eventually(() => b.stores.ephemeral.hit(name, 60_000))
  for (let n = 0; n < 20; n++) t.equal((await counter(`after the failover ${n}`)).count, 1)
  for (const person of leave) t.equal(await verify(a.app, person.accessToken), 'token_revoked')
})

t.test('a Redis Cluster master that restarts empty gets its part of the blacklist again', async t => {
  const cluster = await startRedisCluster(t)
  const instances = await twoInstances(t, cluster)
  const people = await signUpAll(instances[0])
  await logOutAll(t, instances, people)
  const client = connectRedis(cluster.masters[2]!.url, { cluster: true }) as Cluster
  t.teardown(() => client.disconnect())
  await redisReady(client, 5000)
  const keys = createKeys({
    prefix: instances[0].config.redis.keyPrefix,
    refreshTokenTtlSeconds: 1,
  })
  const names = people.map(
    ({ sessionId }) => keys.revoked({ kind: 'session', subject: sessionId, reason: 'logout', expiresAt: null })[0]!.key,
  )
  const areThere = () =>
    eventually(async () => {
      const found = await Promise.all(names.map(name => client.exists(name)))
      if (found.includes(0)) throw new Error(`${found.filter(n => n === 0).length} entries are missing`)
    }, 20_000)
  await t.resolves(areThere(), 'the blacklist is complete')
  // Entries that are new at the next read would be written in any case, so read them now.
  for (const { app } of instances) await app.context.revocations.readJournal()
  // Not the master with the watermark, which still says that nothing is missing. No replica has this master's part.
  const owner = await ownerOf(client, keys.watermark)
  await cluster.masters
    .slice(1)
    .find(({ url }) => !url.endsWith(`:${owner}`))!
    .restart()
  await t.resolves(areThere(), 'the blacklist is complete again')
})

/** The port of the master that a key belongs to. */
async function ownerOf(client: Cluster, key: string): Promise<number> {
  const slot = Number(await client.cluster('KEYSLOT', key))
  const ranges = await client.cluster('SLOTS')
  const [, , master] = ranges.find(([from, to]) => from <= slot && slot <= to)!
  return master![1]
}
