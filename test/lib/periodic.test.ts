import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { createBackground } from '../../src/lib/background.js'
import { repeat } from '../../src/lib/periodic.js'
import { until } from '../support/eventually.js'
import { quietLog } from '../support/servers/quiet-log.js'

const NEVER_MS = 60 * 60_000

t.test('work that fails is repeated, and the log reports the outage when it begins and when it ends', async t => {
  const log = quietLog()
  let runs = 0
  const work = async () => {
    if (++runs < 4) throw new Error('the store is away')
  }
  const repetition = repeat({ everyMs: 1, task: 'read it', work, log, level: 'warn' })
  t.teardown(() => repetition.stop())
  await until(() => runs > 5)
  t.same(log.lines, ['warn: Could not read it: the store is away', 'info: Works again after 3 failures: read it'])
})

t.test('runNow waits for a run that is in progress and then runs once more, and stop waits for both', async t => {
  const log = quietLog()
  const order: string[] = []
  let runs = 0
  const work = async () => {
    const run = ++runs
    order.push(`${run} begins`)
    await setImmediate()
    order.push(`${run} ends`)
  }
  const repetition = repeat({ everyMs: NEVER_MS, task: 'read it', work, log })
  const both = [repetition.runNow(), repetition.runNow()]
  await repetition.stop()
  t.same(order, ['1 begins', '1 ends', '2 begins', '2 ends'])
  await Promise.all(both)
})

t.test('background work logs its failure once until it succeeds, and does not start beyond the limit', async t => {
  const log = quietLog()
  const background = createBackground(log, { limit: 2 })
  const fail = async () => {
    throw new Error('the store is away')
  }
  for (let times = 0; times < 3; times++) {
    background.run('write it', fail)
    await background.settled()
  }
  t.same(log.lines.splice(0), ['error: Could not write it: the store is away'])
  background.run('write it', async () => {})
  await background.settled()
  t.same(log.lines.splice(0), ['info: Works again after 3 failures: write it'])

  let started = 0
  for (let times = 0; times < 3; times++)
    background.run('write another', async () => {
      started++
    })
  t.equal(started, 2)
  t.same(log.lines, ['error: Could not write another: too many tasks are in progress'])
  await background.settled()
})
