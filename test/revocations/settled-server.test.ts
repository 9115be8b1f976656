import t, { type Test } from 'tap'
import { Revocations } from '../../src/revocations/revocations.js'
import { buildTestApp } from '../support/build-test-app.js'
import { quietLog } from '../support/servers/quiet-log.js'

/** An instance that starts after the server was a standby, `sinceSeconds` ago. */
async function startAfterStandby(t: Test, sinceSeconds: number) {
  const { stores, config, database } = await buildTestApp(t)
  await database.admin.unsafe(`create function clock.pg_last_xact_replay_timestamp() returns timestamptz language sql
    stable as 'select now() - interval ''${sinceSeconds} seconds'''`)
  const revocations = new Revocations({
    journal: stores.db.journalFeed,
    channel: stores.ephemeral,
    maxStalenessSeconds: config.revocationMaxStalenessSeconds,
    repair: async () => [],
    clock: Date.now,
    log: quietLog(),
  })
  t.teardown(() => revocations.close())
  await revocations.start()
  return revocations
}

t.test('an instance that starts after a failover gives the others time to find the server', async t => {
  const revocations = await startAfterStandby(t, 600)
  t.equal(revocations.settledServer, undefined)
  await revocations.readJournal()
  const { now } = performance
  t.teardown(() => Object.assign(performance, { now }))
  performance.now = () => now.call(performance) + 5000
  t.type(revocations.settledServer, 'string')
})

t.test('an instance that starts long after a failover is settled at once', async t => {
  const revocations = await startAfterStandby(t, 3700)
  t.type(revocations.settledServer, 'string')
})
