import t from 'tap'
import { createClockComparison } from '../../src/revocations/freshness.js'
import { buildTestApp } from '../support/build-test-app.js'
import { quietLog } from '../support/servers/quiet-log.js'

t.test('a clock that is 20 minutes ahead of the database makes /readyz report the clock as degraded', async t => {
  const { app, database } = await buildTestApp(t)
  await app.context.revocations.readJournal()
  t.same((await app.inject('/readyz')).json(), { status: 'ok', degraded: [] })
  await database.shiftClock(-20 * 60)
  await app.context.revocations.readJournal()
  t.same((await app.inject('/readyz')).json(), { status: 'degraded', degraded: ['clock'] })
  await database.shiftClock(0)
  await app.context.revocations.readJournal()
  t.same((await app.inject('/readyz')).json(), { status: 'ok', degraded: [] })
})

t.test('a clock difference is logged once, and the duration of a query does not count as a difference', async t => {
  const logged: string[] = []
  const log = {
    ...quietLog(),
    warn: (message: string) => void logged.push(message),
    info: (message: string) => void logged.push(message),
  }
  const at = Date.parse('2026-01-01T12:00:00Z')
  const comparison = createClockComparison(() => at, log)
  comparison.compare(at - 100_000, performance.now() - 120_000)
  comparison.compare(at + 29_000, performance.now())
  t.notOk(comparison.isOff)
  for (let n = 0; n < 3; n++) comparison.compare(at - 20 * 60_000, performance.now())
  t.ok(comparison.isOff)
  t.match(logged, [
    /this machine says 2026-01-01T12:00:00.000Z, the clock of Postgres says 2026-01-01T11:40:00.000Z: correct the wrong/,
  ])
  t.equal(logged.length, 1)
  comparison.compare(at, performance.now())
  t.match(logged[1], /agree again/)
})
