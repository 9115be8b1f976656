import { sql } from 'drizzle-orm'
import t from 'tap'
import { openConnections } from '../src/db/connections.js'
import { connectRedis, redisReady } from '../src/ephemeral/redis-client.js'
import { setDeadline } from '../src/set-deadline.js'
import { testServers } from './support/servers/test-servers.js'
import { createTestDatabase } from './support/test-database.js'

/** Longer than any limit below. Nothing is read meanwhile, and every timer is due at its end. */
function standStill(): void {
  const end = performance.now() + 2000
  while (performance.now() < end);
}

t.test('an answer of Redis that came while this process stood still is taken', async t => {
  const redis = connectRedis(testServers().redisUrl)
  t.teardown(() => redis.disconnect())
  t.ok(await redisReady(redis, 10_000))
  let losses = 0
  redis.on('close', () => losses++)
  const answer = redis.ping()
  // What is sent automatically in one pipeline goes out with the end of this turn.
  setImmediate(standStill)
  t.equal(await answer, 'PONG')
  t.equal(await redis.ping(), 'PONG')
  t.equal(losses, 0, 'and the connection is kept')
})

t.test('an answer of Postgres that came while this process stood still is taken', async t => {
  const { url } = await createTestDatabase(t)
  const connections = openConnections({ url, size: 1, prepare: true, caFile: undefined, timeoutMs: 500 })
  t.teardown(() => connections.close())
  const connecting = connections.run(executor => executor.execute(sql`select 1 as one`))
  setImmediate(standStill)
  t.same([...(await connecting)], [{ one: 1 }], 'while it connected')
  const asking = connections.run(executor => executor.execute(sql`select 2 as two`))
  setImmediate(standStill)
  t.same([...(await asking)], [{ two: 2 }], 'while it asked')
})

t.test('a deadline that nothing made late is kept', async t => {
  let isOver = false
  setDeadline(10, () => {
    isOver = true
  })
  const begun = performance.now()
  while (!isOver && performance.now() - begun < 60_000) await new Promise(resolve => setTimeout(resolve, 1))
  t.ok(isOver)
  clearTimeout(setDeadline(1, () => t.fail('it was cleared')))
})
