import t from 'tap'
import { createFailureDelay } from '../../src/domain/login/failure-delay.js'
import { LatchkeyError } from '../../src/lib/errors.js'

const refused = () => new LatchkeyError('invalid_credentials')

/** A failure delay with a stopped clock that a test moves, and its warnings about a delay that is too short. */
function stoppedClock(delayMs = 100) {
  const clock = { ms: 0 }
  const moments: number[] = []
  const warnings: number[] = []
  const failureDelay = createFailureDelay({
    delayMs,
    onTooShort: usedMs => warnings.push(usedMs),
    now: () => clock.ms,
    until: async momentMs => void moments.push(momentMs),
  })
  return {
    clock,
    moments,
    warnings,
    failureDelay,
    /** Begins a sign-in whose work a test ends; ending it returns the time of the response. */
    begin(name: string) {
      let resolve!: (tokens: string) => void
      let reject!: (error: Error) => void
      const answer = failureDelay.run(joinQueue => {
        joinQueue(name)
        return new Promise<string>((...ends) => {
          ;[resolve, reject] = ends
        })
      })
      const answeredAt = async () => {
        await answer.catch(() => {})
        return moments.pop() ?? 'at once'
      }
      return {
        answer,
        fail(error: Error = refused()) {
          reject(error)
          return answeredAt()
        },
        succeed() {
          resolve('tokens')
          return answeredAt()
        },
      }
    },
  }
}

t.test('a failed sign-in is answered one delay after its arrival, however long its work took', async t => {
  const { clock, begin } = stoppedClock()
  const [quick, slow, slowest] = [begin('ada'), begin('bob'), begin('nobody')]
  t.equal(await quick.fail(), 100)
  clock.ms = 60
  t.equal(await slow.fail(), 100)
  clock.ms = 100
  t.equal(await slowest.fail(), 100)
  t.equal(await begin('ada').fail(), 200, 'counted from its arrival')
})

t.test('a failed sign-in that takes longer than the delay is answered at the next multiple of it', async t => {
  const { clock, begin } = stoppedClock()
  const [late, later] = [begin('ada'), begin('bob')]
  clock.ms = 101
  t.equal(await late.fail(), 200)
  clock.ms = 399
  t.equal(await later.fail(), 400)
})

t.test('failures of one name are answered a delay apart in order of arrival; other names do not wait', async t => {
  const { clock, begin } = stoppedClock()
  const [first, second] = [begin('ada'), begin('ada')]
  clock.ms = 30
  const [third, other] = [begin('ada'), begin('bob')]
  t.equal(await third.fail(), 300)
  t.equal(await second.fail(), 200)
  t.equal(await other.fail(), 130)
  t.equal(await first.fail(), 100)
  t.equal(await begin('ada').fail(), 130, 'no earlier failure remains in the queue')
})

t.test('a success is answered at once, an early refusal after 20 ms, and no other sign-in waits for them', async t => {
  const { begin } = stoppedClock()
  const [failing, right, busy] = [begin('ada'), begin('ada'), begin('ada')]
  t.equal(await right.succeed(), 'at once')
  t.equal(await right.answer, 'tokens')
  t.equal(await busy.fail(new LatchkeyError('busy')), 20)
  await t.rejects(busy.answer, { code: 'busy' })
  t.equal(await begin('ada').fail(new LatchkeyError('rate_limited')), 20)
  t.equal(await begin('ada').fail(new LatchkeyError('password_change_required')), 'at once')
  t.equal(await begin('ada').fail(), 200)
  t.equal(await failing.fail(), 100)
  await t.rejects(failing.answer, { code: 'invalid_credentials' })
})

t.test('a sign-in that fails before its name is known is answered after the delay too', async t => {
  const { failureDelay, moments } = stoppedClock()
  await t.rejects(
    failureDelay.run(() => Promise.reject(refused())),
    { code: 'invalid_credentials' },
  )
  t.same(moments, [100])
})

t.test('no failed sign-in waits longer than ten seconds, however many use one name at once', async t => {
  const { begin } = stoppedClock(300)
  const signIns = Array.from({ length: 40 }, () => begin('ada'))
  const moments = await Promise.all(signIns.reverse().map(signIn => signIn.fail()))
  t.same(moments.sort((a, b) => Number(a) - Number(b)).slice(32), Array(8).fill(9900))
})

t.test('a slower kind of hash extends the delay of all failed sign-ins to a multiple', async t => {
  const { failureDelay, begin, warnings } = stoppedClock()
  failureDelay.observe('quick', 3)
  failureDelay.observe('slow', 80)
  t.equal(await begin('ada').fail(), 100, 'the delay covers the hash and a quarter more')
  failureDelay.observe('slow', 81)
  t.equal(await begin('ada').fail(), 200)
  const line = [begin('ada'), begin('ada')]
  t.same([await line[0]!.fail(), await line[1]!.fail()], [200, 400], 'in the queue of one name too')
  failureDelay.observe('slow', 240)
  t.equal(await begin('ada').fail(), 300, 'one long pause counts as at most double')
  for (let times = 0; times < 20; times++) failureDelay.observe('quick', 3)
  t.equal(await begin('ada').fail(), 300, 'other kinds of hashes do not shorten it')
  for (let times = 0; times < 20; times++) failureDelay.observe('slow', 10)
  t.equal(await begin('ada').fail(), 100, 'faster hashes of the same kind do')
  t.same(warnings, [200], 'the warning was given once')
})

t.test('with a delay of 0 every failed sign-in is answered at once', async t => {
  const { begin } = stoppedClock(0)
  t.equal(await begin('ada').fail(), 'at once')
})

t.test('the failure delay uses the clock of the machine by default', async t => {
  const failureDelay = createFailureDelay({ delayMs: 20 })
  const startedAt = performance.now()
  await t.rejects(
    failureDelay.run(() => Promise.reject(refused())),
    { code: 'invalid_credentials' },
  )
  t.ok(performance.now() - startedAt >= 20)
})
