import t from 'tap'
import { randomRetryMs, readGapMs, reportEveryMs, returnWindowMs } from '../../../src/revocations/feed/pace.js'

t.test('followers that lose their connections together come back over many seconds', async t => {
  for (const followers of [2000, 5000]) {
    const windowMs = returnWindowMs(followers, 60)
    // Each waits a random part of the time that it was told; a simple client waits exactly that time.
    for (const part of [Math.random, () => 1]) {
      const seconds = new Map<number, number>()
      for (let n = 0; n < followers; n++) {
        const second = Math.floor((part() * randomRetryMs(windowMs)) / 1000)
        seconds.set(second, (seconds.get(second) ?? 0) + 1)
      }
      t.ok(seconds.size >= 7, `${followers} followers come back in ${seconds.size} different seconds`)
      t.ok(Math.max(...seconds.values()) < followers / 4, `at most ${Math.max(...seconds.values())} in one second`)
    }
  }
})

t.test('a few followers come back within two seconds', async t => {
  for (let n = 0; n < 100; n++) t.ok(randomRetryMs(returnWindowMs(10, 60)) <= 2000)
})

t.test('no follower is told to wait until its list is too old', async t => {
  for (const maxStalenessSeconds of [5, 10, 60])
    t.ok(returnWindowMs(100_000, maxStalenessSeconds) < 0.5 * maxStalenessSeconds * 1000)
})

t.test(
  'all verifiers together confirm at most a thousand times a second, and each at least every five seconds',
  async t => {
    for (const followers of [1, 10, 100, 1000, 5000, 100_000]) {
      const everyMs = reportEveryMs(followers)
      t.ok(everyMs >= 100 && everyMs <= 5000)
      if (followers <= 5000) t.ok(followers / everyMs <= 1)
    }
  },
)

t.test('the journal is read up to twenty times a second, and less often for thousands of followers', async t => {
  t.strictSame([1, 200, 400, 2000, 100_000].map(readGapMs), [50, 50, 100, 500, 500])
})
