import { sql } from 'drizzle-orm'
import t from 'tap'
import { setDeadline } from '../../src/lib/set-deadline.js'
import { openConnections } from '../../src/postgres/pool/connections.js'
import { connectRedis, redisReady } from '../../src/redis/client.js'
import { testServers } from '../support/servers/test-servers.js'
import { createTestDatabase } from '../support/test-database.js'

/** Blocks the process for longer than any limit below: it reads nothing, and then every timer is due. */
function blockProcess(): void {
  const end = performance.now() + 2000
  while (performance.now() < end);
}

t.test('a Redis answer that arrived while the process was blocked is accepted', async t => {
  const redis = connectRedis(testServers().redisUrl)
  t.teardown(() => redis.disconnect())
  t.ok(await redisReady(redis, 10_000))
  let losses = 0
  redis.on('close', () => losses++)
  const answer = redis.ping()
  // Commands that are pipelined automatically are sent at the end of this turn of the event loop.
  setImmediate(blockProcess)
  t.equal(await answer, 'PONG')
  t.equal(await redis.ping(), 'PONG')
  t.equal(losses, 0, 'the connection is kept')
})

t.test('a Postgres answer that arrived while the process was blocked is accepted', async t => {
  const { url } = await createTestDatabase(t)
  const connections = openConnections({ url, size: 1, prepare: true, caFile: undefined, timeoutMs: 500 })
  t.teardown(() => connections.close())
  const connecting = connections.run(executor => executor.execute(sql`select 1 as one`))
  setImmediate(blockProcess)
  t.same([...(await connecting)], [{ one: 1 }], 'blocked while connecting')
  const asking = connections.run(executor => executor.execute(sql`select 2 as two`))
  setImmediate(blockProcess)
  t.same([...(await asking)], [{ two: 2 }], 'blocked while querying')
})

t.test('a deadline fires, and a cleared deadline does not', async t => {
  let isOver = false
  setDeadline(10, () => {
    isOver = true
  })
  const begun = performance.now()
  while (!isOver && performance.now() - begun < 60_000) await new Promise(resolve => setTimeout(resolve, 1))
  t.ok(isOver)
  clearTimeout(setDeadline(1, () => t.fail('it was cleared')))
})
