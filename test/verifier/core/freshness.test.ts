import { Freshness } from '@latchkey/verifier/core'
import t from 'tap'

t.test(
  'a list is fresh for as long as it may be stale, counted from the instant up to which it is complete',
  async t => {
    const freshness = new Freshness(5000)
    t.match(freshness, { isLoaded: false, asOfMs: Number.NEGATIVE_INFINITY })
    t.equal(freshness.isFresh(0), false, 'a list that was never complete is not fresh')
    freshness.recordComplete(1000)
    t.match(freshness, { isLoaded: true, asOfMs: 1000 })
    t.equal(freshness.isFresh(6000), true)
    t.equal(freshness.isFresh(6000.1), false)
  },
)

t.test('older news does not make a list older', async t => {
  const freshness = new Freshness(5000)
  freshness.recordComplete(1000)
  freshness.recordComplete(500)
  t.equal(freshness.asOfMs, 1000)
  freshness.recordComplete(2000)
  t.equal(freshness.isFresh(7000), true)
})
