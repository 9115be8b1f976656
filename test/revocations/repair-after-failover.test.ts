import { randomUUID } from 'node:crypto'
import t from 'tap'
import { Revocations } from '../../src/revocations/revocations.js'
import { buildTestApp } from '../support/build-test-app.js'
import { until } from '../support/eventually.js'
import { quietLog } from '../support/servers/quiet-log.js'

t.test('revocations that a failover lost are restored, even if the new server fails at first', async t => {
  const { stores, config } = await buildTestApp(t)
  const { journalFeed } = stores.db
  let server = 'the first'
  const named = async (reading: ReturnType<typeof journalFeed.readAll>) => {
    const page = await reading
    return { ...page, position: { ...page.position, serverStart: server } }
  }
  let attempts = 0
  const lost: string[] = []
  const log = quietLog()
  const revocations = new Revocations({
    journal: { readAll: () => named(journalFeed.readAll()), readSince: xid => named(journalFeed.readSince(xid)) },
    channel: stores.ephemeral,
    maxStalenessSeconds: config.revocationMaxStalenessSeconds,
    repair: async findLost => {
      if (++attempts <= 2) throw new Error('the database is away again')
      const entries = findLost([])
      for (const entry of entries) if ('subject' in entry) lost.push(entry.subject)
      return entries
    },
    clock: Date.now,
    log,
  })
  t.teardown(() => revocations.close())
  await revocations.start()
  const subject = randomUUID()
  revocations.announce([{ kind: 'session', subject, reason: 'logout', expiresAt: Date.now() + 60_000 }])
  server = 'the second'
  await until(() => lost.length > 0)
  t.strictSame(lost, [subject])
  t.equal(
    log.lines.filter(line => line.includes('Could not write revocations again')).length,
    1,
    'the failure is logged once',
  )

  await revocations.readJournal()
  await revocations.readJournal()
  t.equal(attempts, 3, 'no attempt after the success')
})
