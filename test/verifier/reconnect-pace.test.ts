import t from 'tap'
import { ReconnectPace } from '../../packages/verifier/src/feed/reconnect-pace.js'
import { RequestFailure } from '../../packages/verifier/src/transport/request-failure.js'

function pace({ retryMs = 2000, maxStalenessSeconds = 60 } = {}) {
  return new ReconnectPace({ maxStalenessSeconds, retryMs: () => retryMs, ageMs: () => 0 })
}

const USEFUL = { isUseful: true }
const USELESS = { isUseful: false }
const CUT = new RequestFailure('unreachable', 'cut')

function longest(pause: () => number): number {
  return Math.max(...Array.from({ length: 500 }, pause))
}

t.test(
  'after a useful connection, the first attempt follows within a quarter of a second, and not at once',
  async t => {
    for (const failure of [undefined, CUT]) {
      const most = longest(() => pace().pauseMs(USEFUL, failure))
      t.ok(most > 150 && most <= 250, `${most}`)
    }
  },
)

t.test('thousands of followers, to whom a long time was told, spread their first attempts over a second', async t => {
  const most = longest(() => pace({ retryMs: 10_000 }).pauseMs(USEFUL, CUT))
  t.ok(most > 900 && most <= 1250, `${most}`)
})

t.test('a connection that ends soon is followed by a longer pause, and failures by longer and longer ones', async t => {
  t.ok(longest(() => pace().pauseMs(USELESS, undefined)) > 1500)
  const failing = pace()
  const pauses = Array.from({ length: 8 }, () => failing.pauseMs(USELESS, CUT))
  t.ok(pauses[0]! >= 250 && pauses[0]! <= 500)
  t.ok(pauses.at(-1)! >= 5000 && pauses.at(-1)! <= 10_000)
  t.ok(failing.pauseMs(USEFUL, CUT) <= 250, 'a useful connection ends the series')
  t.ok(failing.pauseMs(USELESS, CUT) <= 500)
})

t.test('another connection is opened at a random moment of the time that the service gives', async t => {
  const most = longest(() => pace().changePauseMs(USEFUL, 400))
  t.ok(most > 300 && most <= 400, `${most}`)
  t.ok(longest(() => pace().changePauseMs(USELESS, 0)) > 1500, 'a young connection is kept for a while')
  t.ok(longest(() => pace({ maxStalenessSeconds: 5 }).changePauseMs(USELESS, 0)) <= 1250)
})
