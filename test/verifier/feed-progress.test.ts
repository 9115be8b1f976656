import t from 'tap'
import {
  advanced,
  ageMs,
  connecting,
  disconnected,
  type FeedProgress,
  mustReconnect,
  NO_PROGRESS,
} from '../../packages/verifier/src/feed/feed-progress.js'

// test/proof/feed.test.ts tries every order of events; this is one of each.

const at = (monotonicMs: number, wallMs = monotonicMs + 1_000_000) => ({ monotonicMs, wallMs })
const heartbeat = (asOfMs: number, id?: string) =>
  ({ type: 'heartbeat', asOfMs, id, position: id && `p${id}` }) as const
const start = (nowMs: number) => ({ type: 'start', nowMs }) as const

/** Requested at 100, answered by a sender whose clock showed 50,000 then, and complete at once. */
function connected(): FeedProgress {
  const requested = connecting(NO_PROGRESS, at(100))
  return advanced(advanced(requested, start(50_000), at(400)), heartbeat(50_000, '1:7'), at(500))
}

t.test('the age of the list counts from the request, by both clocks', async t => {
  const progress = connected()
  t.strictSame(progress.asOf, at(100))
  const later = advanced(progress, heartbeat(50_600), at(800))
  t.strictSame(later.asOf, at(700))
  t.equal(ageMs(later, 1000, 1_001_000), 300)
  t.equal(ageMs(later, 1000, 1_005_000), 4300, 'the clock by which more time has passed')
  t.equal(ageMs(later, 4000, 1_000_800), 3300)
  t.equal(ageMs(NO_PROGRESS, 0, 0), Number.POSITIVE_INFINITY)
})

t.test('no clock makes the list fresher than the arrival of the heartbeat', async t => {
  const early = advanced(connected(), heartbeat(59_999), at(800))
  t.strictSame(early.asOf, at(800))
  t.ok(mustReconnect(early, at(800)), 'more time has passed for the sender than here')
})

t.test('a heartbeat that is older than what is known changes nothing', async t => {
  const progress = advanced(connected(), heartbeat(50_600), at(800))
  t.strictSame(advanced(progress, heartbeat(50_500), at(900)).asOf, progress.asOf)
  const again = connecting(disconnected(progress), at(1000))
  t.strictSame(again.asOf, progress.asOf, 'nor does the end of a connection')
  t.strictSame(
    advanced(advanced(again, start(90_000), at(1100)), heartbeat(89_000, '1:9'), at(1200)).asOf,
    progress.asOf,
  )
})

t.test('before an id, a heartbeat completes nothing; after it, none needs one', async t => {
  const started = advanced(connecting(NO_PROGRESS, at(100)), start(50_000), at(400))
  t.equal(advanced(started, heartbeat(50_100), at(500)), started)
  const complete = advanced(started, heartbeat(50_100, '1:7'), at(500))
  t.match(complete, { lastEventId: '1:7', position: 'p1:7', connection: { isComplete: true } })
  t.match(advanced(complete, heartbeat(50_200), at(600)), { lastEventId: '1:7', position: 'p1:7', asOf: at(300) })
  const again = connecting(complete, at(1000))
  t.match(again, { lastEventId: '1:7', connection: { isComplete: false } }, 'each connection begins incomplete')
})

t.test('without a connection, and without its start, nothing counts', async t => {
  t.equal(advanced(NO_PROGRESS, heartbeat(1, '1:7'), at(1)), NO_PROGRESS)
  const requested = connecting(NO_PROGRESS, at(100))
  t.equal(advanced(requested, heartbeat(1, '1:7'), at(200)), requested)
  t.equal(mustReconnect(NO_PROGRESS, at(0)), false)
})

t.test('clocks that part by more than two seconds require a new connection', async t => {
  const progress = connected()
  t.equal(mustReconnect(progress, at(60_000, 1_061_900)), false)
  t.equal(mustReconnect(progress, at(60_000, 1_062_100)), true, 'set forward, or the machine slept')
  t.equal(mustReconnect(progress, at(60_000, 1_057_900)), true, 'set back')
})
