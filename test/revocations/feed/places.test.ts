import t from 'tap'
import { type Place, Places } from '../../../src/revocations/feed/places.js'

/** Takes places, whose followers leave when they are ended, and notes who was ended. */
function open(most: number) {
  const places = new Places(most)
  const ended: string[] = []
  let count = 0
  return {
    ended,
    take(client: string, kind: 'verifier' | 'observer' = 'verifier'): (Place & { name: string }) | undefined {
      const place = places.take(client, kind === 'verifier')
      if (place === undefined) return undefined
      const name = `${client} ${kind} ${++count}`
      place.occupy(() => {
        ended.push(name)
        place.leave()
      })
      return { ...place, name }
    },
  }
}

t.test('one client can use all places', async t => {
  const { take, ended } = open(5)
  for (let n = 0; n < 5; n++) t.ok(take('a'))
  t.notOk(take('a'))
  t.strictSame(ended, [])
})

t.test('a client with fewer followers gets places of the one with the most, until both have as many', async t => {
  const { take, ended } = open(6)
  for (let n = 0; n < 6; n++) take('a')
  for (let n = 0; n < 3; n++) t.ok(take('b'), `place ${n} of b`)
  t.notOk(take('b'))
  t.notOk(take('a'), 'nor does the other one get a place back')
  t.strictSame(ended, ['a verifier 6', 'a verifier 5', 'a verifier 4'], 'the newest first')
  t.ok(take('c'))
  t.equal(ended.length, 4)
})

t.test('observers give way first', async t => {
  const { take, ended } = open(4)
  for (const kind of ['observer', 'verifier', 'verifier', 'verifier'] as const) take('a', kind)
  t.ok(take('b'))
  t.strictSame(ended, ['a observer 1'])
})

t.test('within a client, an observer gives way to a verifier, and nobody to an observer', async t => {
  const { take, ended } = open(3)
  for (const kind of ['observer', 'observer', 'verifier'] as const) take('a', kind)
  t.notOk(take('a', 'observer'))
  t.ok(take('a'))
  t.ok(take('a'))
  t.notOk(take('a'))
  t.strictSame(ended, ['a observer 2', 'a observer 1'])
})

t.test('a place that is left is free once, however often it is left', async t => {
  const { take } = open(2)
  const first = take('a')!
  take('a')
  first.leave()
  first.leave()
  t.ok(take('a'))
  t.notOk(take('a'))
})

t.test('a follower that is being admitted gives way to nobody', async t => {
  const places = new Places(2)
  places.take('a', true)
  const place = places.take('a', true)!
  t.notOk(places.take('b', true))
  place.occupy(() => place.leave())
  t.ok(places.take('b', true))
})
