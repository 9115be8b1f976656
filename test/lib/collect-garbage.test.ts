import t from 'tap'
import { collectGarbageOf } from '../../src/lib/collect-garbage.js'

t.test('what is no longer in use is freed, and the rest is kept', async t => {
  const kept = { large: new Array(100_000).fill(0) }
  const references = [new WeakRef(kept), new WeakRef({ large: new Array(100_000).fill(0) })]
  // A reference that was just read keeps its object until the current job ends.
  await new Promise(resolve => setImmediate(resolve))
  await collectGarbageOf(100_000)
  t.same(
    references.map(reference => reference.deref() !== undefined),
    [true, false],
  )
  t.equal(kept.large.length, 100_000)
})
