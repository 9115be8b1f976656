import t from 'tap'
import { createExpiringNumbers } from '../../src/redis/memory-ephemeral.js'

t.test('an expiring number and its expiry are raised and never lowered', async t => {
  let time = 0
  const numbers = createExpiringNumbers(() => time)
  numbers.raise('a', 2, 100)
  numbers.raise('a', 1, 50)
  time = 99
  t.equal(numbers.get('a'), 2)
  time = 100
  t.equal(numbers.get('a'), undefined)
  numbers.raise('a', 1, 200)
  t.equal(numbers.get('a'), 1, 'an expired number is forgotten')
  numbers.raise('b', 1, 100)
  t.equal(numbers.get('b'), undefined)
})

t.test('expired numbers do not accumulate', async t => {
  let time = 0
  const numbers = createExpiringNumbers(() => time)
  for (let round = 0; round < 10; round++) {
    for (let index = 0; index < 10_000; index++) numbers.raise(`${round}:${index}`, 1, time + 100)
    time += 100
  }
  t.ok(numbers.size <= 20_000, `${numbers.size} are held`)
  numbers.clear()
  t.equal(numbers.size, 0)
})
