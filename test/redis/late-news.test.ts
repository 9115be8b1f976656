import t from 'tap'
import { until } from '../support/eventually.js'
import { testServers } from '../support/servers/test-servers.js'
import { openRedisForTest } from './redis-for-test.js'

const BLOCK_MS = 1000

t.test('a Redis answer that waited while the process was suspended counts from when Redis gave it', async t => {
  const { ephemeral } = await openRedisForTest(t, testServers().redisUrl)
  const asOf: number[] = []
  // Following the stream does not keep the process running.
  const alive = setInterval(() => {}, 1000)
  const following = ephemeral.follow((_, _unbrokenSinceMs, asOfMs) => void asOf.push(asOfMs))
  t.teardown(async () => {
    clearInterval(alive)
    await following.stop()
  })
  await until(() => asOf.length > 0)

  const stoodAtMs = performance.now()
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3 * BLOCK_MS)
  const before = asOf.length
  await until(() => asOf.length > before)
  t.ok(asOf[before]! <= stoodAtMs + BLOCK_MS, 'it does not cover what was published while the process was suspended')
  t.ok(asOf[before]! > stoodAtMs - BLOCK_MS)
})
