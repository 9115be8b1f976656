import fc from 'fast-check'
import t from 'tap'
import { newMark, readSlot, slotName, slotOfCookie, writeSlot } from '../../src/http/plugins/sent-cookies.js'

t.test('a slot is read exactly as it was written', async () => {
  const mark = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })
  fc.assert(
    fc.property(mark, mark => {
      const slot = { token: 'lk_rt_abc-_123', mark }
      t.same(readSlot(writeSlot(slot)), slot)
    }),
  )
})

t.test('a value in any other form is not a slot', async t => {
  for (const value of [
    '',
    'a',
    '.AAAAAA',
    'a.AAAAA',
    'a.AAAAAAA',
    'a.b.AAAAAA',
    'a.AAAA A',
    `${'a'.repeat(257)}.AAAAAA`,
  ])
    t.equal(readSlot(value), undefined, value)
})

t.test('marks are integers within the range of the database column', async t => {
  for (let times = 0; times < 100; times++) {
    const mark = newMark()
    t.ok(Number.isInteger(mark) && mark >= -0x8000_0000 && mark <= 0x7fff_ffff)
  }
})

t.test('a slot cookie is the cookie name and three hexadecimal digits, unlike our other cookies', async t => {
  t.equal(slotOfCookie('latchkey', slotName('latchkey', '0af')), '0af')
  for (const name of [
    'latchkey',
    'latchkey-at',
    'latchkey-device',
    'latchkey-ticket',
    'latchkey-0',
    'latchkey-0AF',
    'x-0af',
  ])
    t.equal(slotOfCookie('latchkey', name), undefined, name)
})
