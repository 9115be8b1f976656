import t from 'tap'
import { Revocations } from '../../src/revocations/revocations.js'
import { buildTestApp } from '../support/build-test-app.js'
import { until } from '../support/eventually.js'
import { startRedis } from '../support/servers/own-redis.js'
import { quietLog } from '../support/servers/quiet-log.js'

t.test('a blacklist that can’t be completed is said once, until it can again', async t => {
  const redis = await startRedis(t)
  const { stores, config } = await buildTestApp(t, { REDIS_URL: redis.url })
  const log = quietLog()
  let completed = 0
  const complete: typeof stores.ephemeral.complete = async progress => {
    await stores.ephemeral.complete(progress)
    completed++
  }
  const revocations = new Revocations({
    journal: stores.db.journalFeed,
    channel: { ...stores.ephemeral, complete },
    maxStalenessSeconds: config.revocationMaxStalenessSeconds,
    repair: async () => [],
    clock: Date.now,
    log,
  })
  t.teardown(() => revocations.close())
  const said = () => log.lines.filter(line => line.includes('the blacklist was not completed')).length
  await redis.stop()
  await revocations.start()
  await until(() => said() > 0)
  // Each read tries to complete it, when the try before has ended.
  for (let times = 0; times < 5; times++) {
    await revocations.readJournal()
    await new Promise(resolve => setImmediate(resolve))
  }
  t.equal(said(), 1)

  await redis.restart()
  await until(() => completed > 0)
  await redis.stop()
  await until(() => said() > 1)
  t.equal(said(), 2, 'and again after it could')
})
