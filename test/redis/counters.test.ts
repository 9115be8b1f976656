import t from 'tap'
import { createCounters } from '../../src/redis/counters.js'

const MINUTE = 60_000

t.test('when the counters are full, the lowest one is removed, and of equal ones the oldest', async t => {
  const counters = createCounters({ maxCounters: 3, now: () => 0 })
  for (let hits = 0; hits < 5; hits++) await counters.hit('high', MINUTE)
  await counters.hit('older', MINUTE)
  await counters.hit('younger', MINUTE)
  await counters.hit('new', MINUTE)
  t.equal((await counters.hit('high', MINUTE)).count, 6)
  t.equal((await counters.hit('younger', MINUTE)).count, 2)
  t.equal((await counters.hit('older', MINUTE)).count, 1, 'it was removed')
})

t.test('a counter whose window has ended is removed before a live one, whatever its count', async t => {
  let time = 0
  const counters = createCounters({ maxCounters: 2, now: () => time })
  for (let hits = 0; hits < 5; hits++) await counters.hit('ended', MINUTE)
  time = 30_000
  await counters.hit('live', MINUTE)
  time = MINUTE
  await counters.hit('new', MINUTE)
  t.equal((await counters.hit('live', MINUTE)).count, 2)
})

t.test('a counter that was taken back to 0 is removed first', async t => {
  const counters = createCounters({ maxCounters: 2, now: () => 0 })
  await counters.hit('one', MINUTE)
  await counters.hit('none', MINUTE)
  await counters.unhit('none')
  await counters.hit('new', MINUTE)
  t.equal((await counters.hit('one', MINUTE)).count, 2)
})

t.test('adding a counter to full ones takes less than 10 times as long as to empty ones', async t => {
  const rounds = 20_000
  const timeOf = async (
    maxCounters: number,
    prefix: string,
    counters = createCounters({ maxCounters, now: () => 0 }),
  ) => {
    const start = performance.now()
    for (let index = 0; index < rounds; index++) await counters.hit(`${prefix}${index}`, MINUTE)
    return { counters, ms: performance.now() - start }
  }
  // The best of three runs each: other work on the machine only adds time.
  const best = { empty: Number.POSITIVE_INFINITY, full: Number.POSITIVE_INFINITY }
  for (let times = 0; times < 3; times++) {
    const empty = await timeOf(rounds, 'a')
    const full = await timeOf(rounds, 'b', empty.counters)
    best.empty = Math.min(best.empty, empty.ms)
    best.full = Math.min(best.full, full.ms)
  }
  t.ok(best.full < 10 * best.empty, `${best.empty} ms for the first names, ${best.full} ms for the next`)
})
