import t from 'tap'
import { createFailureSchedule } from '../../src/auth/failure-schedule.js'
import { LatchkeyError } from '../../src/errors.js'

const refused = () => new LatchkeyError('invalid_credentials')

/** A schedule in a time that stands still until a test moves it, and what it said about a delay that is too short. */
function stoppedClock(delayMs = 100) {
  const clock = { ms: 0 }
  const moments: number[] = []
  const warnings: number[] = []
  const schedule = createFailureSchedule({
    delayMs,
    onTooShort: usedMs => warnings.push(usedMs),
    now: () => clock.ms,
    until: async momentMs => void moments.push(momentMs),
  })
  return {
    clock,
    moments,
    warnings,
    schedule,
    /** Begins a sign-in; its work ends when a test says so, and then it is known when the answer is given. */
    begin(name: string) {
      let resolve!: (tokens: string) => void
      let reject!: (error: Error) => void
      const answer = schedule.hold(joinLine => {
        joinLine(name)
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

t.test('a failed sign-in is answered at one moment, whatever its work took', async t => {
  const { clock, begin } = stoppedClock()
  const [quick, slow, slowest] = [begin('ada'), begin('bob'), begin('nobody')]
  t.equal(await quick.fail(), 100)
  clock.ms = 60
  t.equal(await slow.fail(), 100)
  clock.ms = 100
  t.equal(await slowest.fail(), 100)
  t.equal(await begin('ada').fail(), 200, 'counted from when it came')
})

t.test('what took longer is answered whole delays later', async t => {
  const { clock, begin } = stoppedClock()
  const [late, later] = [begin('ada'), begin('bob')]
  clock.ms = 101
  t.equal(await late.fail(), 200)
  clock.ms = 399
  t.equal(await later.fail(), 400)
})

t.test(
  'failures of one name are a delay apart in the order in which they came, and those of others are not',
  async t => {
    const { clock, begin } = stoppedClock()
    const [first, second] = [begin('ada'), begin('ada')]
    clock.ms = 30
    const [third, other] = [begin('ada'), begin('bob')]
    t.equal(await third.fail(), 300)
    t.equal(await second.fail(), 200)
    t.equal(await other.fail(), 130)
    t.equal(await first.fail(), 100)
    t.equal(await begin('ada').fail(), 130, 'and nothing is left of them')
  },
)

t.test(
  'success is answered at once, a refusal before the password after a moment, and nobody waits behind them',
  async t => {
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
  },
)

t.test('what fails before it is known by which name is answered at its moment too', async t => {
  const { schedule, moments } = stoppedClock()
  await t.rejects(
    schedule.hold(() => Promise.reject(refused())),
    { code: 'invalid_credentials' },
  )
  t.same(moments, [100])
})

t.test('however many sign in to one name at once, nobody waits longer than ten seconds', async t => {
  const { begin } = stoppedClock(300)
  const signIns = Array.from({ length: 40 }, () => begin('ada'))
  const moments = await Promise.all(signIns.reverse().map(signIn => signIn.fail()))
  t.same(moments.sort((a, b) => Number(a) - Number(b)).slice(32), Array(8).fill(9900))
})

t.test('a kind of hash that takes longer makes the delay of all longer, by whole delays', async t => {
  const { schedule, begin, warnings } = stoppedClock()
  schedule.observe('quick', 3)
  schedule.observe('slow', 80)
  t.equal(await begin('ada').fail(), 100, 'the delay covers it, and a quarter more')
  schedule.observe('slow', 81)
  t.equal(await begin('ada').fail(), 200)
  const line = [begin('ada'), begin('ada')]
  t.same([await line[0]!.fail(), await line[1]!.fail()], [200, 400], 'in a line too')
  schedule.observe('slow', 240)
  t.equal(await begin('ada').fail(), 300, 'though one long pause counts for no more than the double')
  for (let times = 0; times < 20; times++) schedule.observe('quick', 3)
  t.equal(await begin('ada').fail(), 300, 'other kinds do not make it shorter again')
  for (let times = 0; times < 20; times++) schedule.observe('slow', 10)
  t.equal(await begin('ada').fail(), 100, 'quicker ones of that kind do')
  t.same(warnings, [200], 'and it was said once')
})

t.test('a delay of 0 answers everything at once', async t => {
  const { begin } = stoppedClock(0)
  t.equal(await begin('ada').fail(), 'at once')
})

t.test('without a clock of its own it goes by that of the machine', async t => {
  const schedule = createFailureSchedule({ delayMs: 20 })
  const startedAt = performance.now()
  await t.rejects(
    schedule.hold(() => Promise.reject(refused())),
    { code: 'invalid_credentials' },
  )
  t.ok(performance.now() - startedAt >= 20)
})
