import t from 'tap'
import { createExpiringMap } from '../../src/redis/memory-ephemeral.js'

t.test('an expiring number and its expiry are raised and never lowered', async t => {
  let time = 0
  const numbers = createExpiringMap<number>(() => time, Math.max)
  numbers.set('a', 2, 100)
  numbers.set('a', 1, 50)
  time = 99
  t.equal(numbers.get('a'), 2)
  time = 100
  t.equal(numbers.get('a'), undefined)
  numbers.set('a', 1, 200)
  t.equal(numbers.get('a'), 1, 'what has ended is forgotten')
  numbers.set('b', 1, 100)
  t.equal(numbers.get('b'), undefined)
})

t.test('expired numbers do not accumulate', async t => {
  let time = 0
  const numbers = createExpiringMap<number>(() => time, Math.max)
  for (let round = 0; round < 10; round++) {
    for (let index = 0; index < 10_000; index++) numbers.set(`${round}:${index}`, 1, time + 100)
    time += 100
  }
  t.ok(numbers.size <= 20_000, `${numbers.size} are held`)
  numbers.clear()
  t.equal(numbers.size, 0)
})
