import { RecentlyUsed } from '@latchkey/verifier/core'
import fc from 'fast-check'
import t from 'tap'

t.test('a new entry replaces the one that was used least recently', async t => {
  const cache = new RecentlyUsed<string, number>(3)
  for (const [key, value] of [
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ] as const)
    cache.set(key, value)
  t.equal(cache.get('a'), 1, 'a is used again')
  cache.set('d', 4)
  t.equal(cache.get('b'), undefined, 'b was used least recently')
  t.strictSame(
    ['a', 'c', 'd'].map(key => cache.get(key)),
    [1, 3, 4],
  )
  cache.set('a', 5)
  cache.set('e', 6)
  t.strictSame(
    ['a', 'c', 'd', 'e'].map(key => cache.get(key)),
    [5, undefined, 4, 6],
    'writing is a use too',
  )
  t.equal(cache.size, 3)
})

t.test('a cache with place for one entry has the last one', async t => {
  const cache = new RecentlyUsed<number, number>(1)
  for (let n = 0; n < 3; n++) {
    cache.set(n, n)
    t.equal(cache.get(n), n)
    t.equal(cache.get(n - 1), undefined)
    t.equal(cache.size, 1)
  }
})

/** The same by the simplest means: the entries in the order of their use. */
class Model {
  entries: [number, number][] = []
  constructor(readonly max: number) {}
  get(key: number): number | undefined {
    const found = this.entries.find(([other]) => other === key)
    if (found) this.entries = [...this.entries.filter(entry => entry !== found), found]
    return found?.[1]
  }
  set(key: number, value: number): void {
    this.entries = [...this.entries.filter(([other]) => other !== key), [key, value] as [number, number]].slice(
      -this.max,
    )
  }
  delete(key: number): void {
    this.entries = this.entries.filter(([other]) => other !== key)
  }
  deleteWhere(isUnwanted: (value: number) => boolean): void {
    this.entries = this.entries.filter(([, value]) => !isUnwanted(value))
  }
}

t.test('after any steps the cache has what a list in the order of use has', async t => {
  const step = fc.oneof(
    fc.record({ name: fc.constant('get' as const), key: fc.nat(7) }),
    fc.record({ name: fc.constant('set' as const), key: fc.nat(7), value: fc.nat(99) }),
    fc.record({ name: fc.constant('delete' as const), key: fc.nat(7) }),
    fc.record({ name: fc.constant('deleteWhere' as const), above: fc.nat(99) }),
  )
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 60 }), (max, steps) => {
      const [cache, model] = [new RecentlyUsed<number, number>(max), new Model(max)]
      const both = [cache, model]
      for (const taken of steps) {
        if (taken.name === 'get') t.equal(cache.get(taken.key), model.get(taken.key))
        if (taken.name === 'set') for (const each of both) each.set(taken.key, taken.value)
        if (taken.name === 'delete') for (const each of both) each.delete(taken.key)
        if (taken.name === 'deleteWhere') for (const each of both) each.deleteWhere(value => value > taken.above)
        t.equal(cache.size, model.entries.length)
      }
      // From the newest, so that reading changes the order of both alike.
      for (let key = 0; key < 8; key++) t.equal(cache.get(key), model.get(key))
    }),
    { numRuns: 300 },
  )
})
