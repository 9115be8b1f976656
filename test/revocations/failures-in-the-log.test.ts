import t from 'tap'
import { Revocations } from '../../src/revocations/revocations.js'
import { buildTestApp } from '../support/build-test-app.js'
import { until } from '../support/eventually.js'
import { startRedis } from '../support/servers/own-redis.js'
import { quietLog } from '../support/servers/quiet-log.js'

t.test('a failure to complete the blacklist is logged once until it succeeds again', async t => {
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
  const reports = () =>
    log.lines.filter(line => line.includes('Could not write missing revocations to the blacklist in Redis')).length
  await redis.stop()
  await revocations.start()
  await until(() => reports() > 0)
  // Each read tries to complete the blacklist if the previous attempt has ended.
  for (let times = 0; times < 5; times++) {
    await revocations.readJournal()
    await new Promise(resolve => setImmediate(resolve))
  }
  t.equal(reports(), 1)

  await redis.restart()
  await until(() => completed > 0)
  await redis.stop()
  await until(() => reports() > 1)
  t.equal(reports(), 2, 'logged again after a success')
})
