import t from 'tap'
import { readWaitPreference } from '../../src/http/prefer.js'

t.test('the time to wait is read from the header Prefer', async t => {
  const cases: [string | string[] | undefined, number | undefined][] = [
    ['wait=2', 2],
    ['WAIT=2', 2],
    [' wait = 2 ', 2],
    ['wait="10"', 10],
    ['wait=0', 0],
    ['respond-async, wait=7', 7],
    ['wait=5; strict, handling=lenient', 5],
    [['respond-async', 'wait=3'], 3],
    ['foo="a, wait=9", wait=4', 4],
    ['foo="a\\", wait=9", wait=4', 4],
    ['foo="a; b"; c="d, e", wait=1', 1],
    ['wait=1, wait=2', 1],
    ['wait=99999', 99999],
    [undefined, undefined],
    ['', undefined],
    ['wait', undefined],
    ['wait=', undefined],
    ['wait=-1', undefined],
    ['wait=1.5', undefined],
    ['wait=soon', undefined],
    ['wait=1e3', undefined],
    ['wait=99999999999999999999', undefined],
    ['awaited=2', undefined],
    ['foo="wait=2', undefined],
    ['return=minimal', undefined],
    ['return=minimal; wait=2', undefined],
    [',,;=,wait=2', 2],
  ]
  for (const [header, seconds] of cases) t.equal(readWaitPreference(header), seconds, String(header))
})
