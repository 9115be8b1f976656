import t from 'tap'
import { readPosition } from '../../src/revocations/receipts/position.js'

t.test('a position has the form of heartbeats', async t => {
  t.strictSame(readPosition('1795870000.123/7421:7421:'), { serverStart: '1795870000.123', snapshot: '7421:7421:' })
  t.strictSame(readPosition('1795870000/7:12:7,9,11'), { serverStart: '1795870000', snapshot: '7:12:7,9,11' })
  t.ok(readPosition('1795870000/7:12:9'))
  t.ok(readPosition(`1/5:9223372036854775807:`))
})

t.test('what Postgres would refuse is no position', async t => {
  for (const text of [
    '',
    '7421:7421:',
    '1795870000.123/7421:7421',
    '1795870000.123/0:0:',
    '1795870000.123/8:7:',
    '1795870000.123/7:12:6',
    '1795870000.123/7:12:12',
    '1795870000.123/7:12:9,8',
    '1795870000.123/7:12:9,9',
    '1795870000.123/7:12:9,',
    '1795870000.123/7:12:,9',
    '1795870000.123/7:7:7',
    '1795870000.123/7:9223372036854775808:',
    '1795870000.123/ 7:8:',
    '-1/7:8:',
    "1795870000.123/7:8:'",
  ])
    t.equal(readPosition(text), undefined, text)
})
