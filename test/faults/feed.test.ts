import { sql as drizzleSql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import t, { type Test } from 'tap'
import { SERVER_START } from '../../src/postgres/server-start.js'
import { clientToken, makeClient, type TestClient } from '../support/clients.js'
import { controlPostgres } from '../support/controlled-postgres.js'
import { until } from '../support/eventually.js'
import { type FeedFollower, follow } from '../support/feed-follower.js'
import { post, signIn, signUp } from '../support/people.js'
import { listen } from '../support/raw-request.js'
import { type Instances, startInstances } from './instances.js'

// What followers of the feed are told while stores are away, and after Postgres was replaced.

async function startFollowing(t: Test, { a, b }: Instances, known?: TestClient) {
  const token = await clientToken(a.app, known ?? (await makeClient(a.app, 'revocations')))
  const [here, there] = await Promise.all([a, b].map(async ({ app }) => `http://127.0.0.1:${await listen(app)}`))
  const followers = await Promise.all(
    [here, there].map(async url => follow(t, { url: url!, token, query: { max_staleness: '60' } }).complete()),
  )
  return { token, urls: [here!, there!], followers }
}

/** How the ids of events begin that this server's journal gave. */
async function idPrefix(url: string): Promise<string> {
  const sql = postgres(url, { max: 1 })
  const [row] = await drizzle(sql).execute<{ start: string }>(drizzleSql`select ${SERVER_START} as start`)
  await sql.end()
  return `${row!.start}:`
}

/** Waits for some heartbeats, and returns them. */
async function heartbeats(follower: FeedFollower, count = 4) {
  const { length } = follower.heartbeats
  await until(() => follower.heartbeats.length >= length + count, 'heartbeats')
  return follower.heartbeats.slice(length)
}

t.test('without Postgres heartbeats go on without a position, and the list stays fresh through Redis', async t => {
  const instances = await startInstances(t)
  const { followers } = await startFollowing(t, instances)
  await instances.postgres.refuse()
  for (const follower of followers) {
    await heartbeats(follower, 2)
    const beats = await heartbeats(follower)
    t.strictSame(
      beats.map(({ position }) => position),
      beats.map(() => undefined),
    )
    t.ok(beats.at(-1)!.asOfMs > beats[0]!.asOfMs, 'nothing that was published can be missing')
    t.notOk(follower.isEnded)
  }
  await instances.postgres.heal()
  for (const follower of followers)
    await until(() => follower.heartbeats.at(-1)!.position !== undefined, 'a position again')
})

t.test('without Postgres and Redis heartbeats go on, and say that there is no news', async t => {
  const instances = await startInstances(t)
  const { followers } = await startFollowing(t, instances)
  const ada = await signUp(instances.a.app)
  await Promise.all([instances.postgres.refuse(), instances.redis.refuse()])
  for (const follower of followers) {
    await heartbeats(follower, 3)
    const beats = await heartbeats(follower)
    t.equal(beats.at(-1)!.asOfMs, beats[0]!.asOfMs)
    t.ok(beats.at(-1)!.timeMs > beats[0]!.timeMs)
  }
  await Promise.all([instances.postgres.heal(), instances.redis.heal()])
  await until(async () => {
    const { statusCode } = await post(instances.a.app, '/auth/logout', { refresh_token: ada.refreshToken })
    return statusCode === 204
  })
  for (const follower of followers) {
    const { asOfMs } = (await heartbeats(follower, 1))[0]!
    await until(() => follower.heartbeats.at(-1)!.asOfMs > asOfMs)
    await until(() => follower.sessionIds.includes(ada.sessionId))
    t.notOk(follower.isEnded, 'the same connection')
  }
})

t.test('without Redis a logout reaches the followers of every instance through the journal', async t => {
  const instances = await startInstances(t)
  const { followers } = await startFollowing(t, instances)
  await instances.redis.refuse()
  const ada = await signUp(instances.a.app)
  t.equal((await post(instances.a.app, '/auth/logout', { refresh_token: ada.refreshToken })).statusCode, 204)
  for (const follower of followers) {
    await until(() => follower.sessionIds.includes(ada.sessionId))
    t.ok((await heartbeats(follower)).some(({ position }) => position !== undefined))
  }
})

t.test(
  'after a failover to an older copy followers keep and get everything, and old ids lead to a snapshot',
  async t => {
    const primary = await controlPostgres(t)
    const instances = await startInstances(t, { postgresUrl: primary.url })
    const { a, b } = instances
    const ada = await signUp(a.app)
    const [lost, later] = [await signIn(a.app, ada.email), await signIn(a.app, ada.email)]
    const client = await makeClient(a.app, 'revocations')
    await primary.stop()
    const standby = await primary.copy()
    await primary.start()
    instances.postgres.retarget(primary.url)
    await until(async () => (await signIn(a.app, ada.email).catch(() => undefined)) !== undefined)

    const { token, urls, followers } = await startFollowing(t, instances, client)
    await post(a.app, '/auth/logout', { refresh_token: lost.refreshToken })
    const oldPrefix = await idPrefix(primary.url)
    for (const follower of followers) {
      await until(() => follower.sessionIds.includes(lost.sessionId))
      await until(() => follower.lastEventId!.startsWith(oldPrefix), 'an id of the restarted server')
    }
    const oldId = followers[0]!.lastEventId!

    await primary.kill()
    await standby.start()
    instances.postgres.retarget(standby.url)
    await until(async () => {
      const { statusCode } = await post(b.app, '/auth/logout', { refresh_token: later.refreshToken })
      return statusCode === 204
    })
    const newPrefix = await idPrefix(standby.url)
    for (const follower of followers) {
      await until(() => follower.sessionIds.includes(later.sessionId))
      await until(() => follower.lastEventId!.startsWith(newPrefix), 'an id of the other server')
      t.notOk(follower.isEnded)
    }
    const back = await follow(t, { url: urls[1]!, token, lastEventId: oldId }).complete()
    t.match(back.start, { isSnapshot: true })
    t.ok(back.sessionIds.includes(lost.sessionId), 'what the copy lacked too')
    t.ok(back.sessionIds.includes(later.sessionId))
    // The other instance has everything since its own first page of this server, which can be a little later.
    const firstThere = followers[0]!.events.find(({ id }) => id?.startsWith(newPrefix))!.id!
    const xminOf = (id: string) => BigInt(id.split(':')[1]!)
    await post(b.app, '/auth/logout', { refresh_token: (await signIn(b.app, ada.email)).refreshToken })
    await until(() => xminOf(followers[1]!.lastEventId!) >= xminOf(firstThere))
    const { lastEventId } = followers[1]!
    const resumed = await follow(t, { url: urls[0]!, token, lastEventId }).complete()
    t.match(resumed.start, { isSnapshot: false }, 'an id of the other server goes on at any instance')
  },
)
