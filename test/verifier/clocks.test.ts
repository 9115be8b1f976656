import t from 'tap'
import { IssuerClock } from '../../packages/verifier/src/feed/issuer-clock.js'
import { until } from '../support/eventually.js'
import { startToyIssuer, type ToyIssuer } from './toy-issuer.js'
import { inSeconds, knownVerdict, startFollowing, verdict } from './verifiers.js'

/** The clock of this machine shows another time until the end of the test. The toy's clock stays right. */
function setClock(t: Parameters<typeof startToyIssuer>[0], shiftMs: number): void {
  const right = Date.now
  Date.now = () => realNow() + shiftMs
  t.teardown(() => {
    Date.now = right
  })
}
const realNow = Date.now.bind(Date)

/** The toy says the right time, whatever the clock of this machine shows. */
function tellRightTime(toy: ToyIssuer): void {
  toy.onFollow = stream => {
    stream.start({ time_ms: realNow() })
    stream.heartbeat(1, { time_ms: realNow() })
  }
}

for (const minutes of [-600, -10, -0.5, 0.5, 10, 600])
  t.test(`with a clock that is ${minutes} minutes off, tokens are judged by the issuer's clock`, async t => {
    const toy = await startToyIssuer(t)
    tellRightTime(toy)
    const token = toy.token({ exp: inSeconds(20) })
    const expired = toy.token({ exp: inSeconds(-3) })
    const revoked = toy.token({ sid: 's1' })
    const entry = { kind: 'session', sid: 's1', exp: inSeconds(7500) }
    const realm = { kind: 'realm', auth_time: inSeconds(-1000), exp: inSeconds(7500) }
    setClock(t, minutes * 60_000)
    const verifier = startFollowing(t, toy)
    await verifier.ready()
    t.equal(await verdict(verifier.verify(token)), 'valid')
    t.equal(await verdict(verifier.verify(expired)), 'token_expired')
    toy.streams[0]!.entries(entry, realm)
    toy.streams[0]!.heartbeat(2, { time_ms: realNow() })
    await until(() => verifier.status().revocations === 2)
    t.equal(await verdict(verifier.verify(revoked)), 'token_revoked')
    t.ok(Math.abs(verifier.status().clockOffsetMs! + minutes * 60_000) < 5000)
    t.strictSame(
      verifier.lines.filter(line => !line.startsWith('info')),
      [],
    )
  })

t.test('a clock that is set while the feed is connected refuses nobody for longer than a reconnection', async t => {
  const toy = await startToyIssuer(t)
  tellRightTime(toy)
  const verifier = startFollowing(t, toy)
  const beats = setInterval(
    () => toy.streams.at(-1)?.isOpen && toy.streams.at(-1)!.heartbeat(undefined, { time_ms: realNow() }),
    100,
  )
  t.teardown(() => clearInterval(beats))
  await verifier.ready()
  const token = toy.token()
  t.equal(await verdict(verifier.verify(token)), 'valid')
  for (const [n, minutes] of [60, -60].entries()) {
    setClock(t, minutes * 60_000)
    await until(() => toy.asked.length === n + 2)
    await until(() => knownVerdict(verifier, token) === 'valid')
    t.equal(verifier.status().isFresh, true)
  }
})

t.test('after the machine slept, nothing is accepted before news has arrived', async t => {
  const toy = await startToyIssuer(t)
  const verifier = startFollowing(t, toy)
  await verifier.ready()
  const token = toy.token({ exp: inSeconds(7200) })
  t.equal(await verdict(verifier.verify(token)), 'valid')
  // Asleep, the monotonic clock stands still, and the other one goes on.
  setClock(t, 61_000)
  t.equal(knownVerdict(verifier, token), 'revocations_stale')
  // A heartbeat that was sent before, and is read only now.
  toy.streams[0]!.heartbeat(undefined, { as_of_ms: performance.now() - 1 })
  toy.onFollow = stream => stream.start()
  await until(() => toy.asked.length === 2)
  t.equal(knownVerdict(verifier, token), 'revocations_stale')
  toy.streams[1]!.heartbeat(2)
  await until(() => knownVerdict(verifier, token) === 'valid')
})

t.test('the list is never fresher than the request for it, however late the answer arrives', async t => {
  const toy = await startToyIssuer(t)
  toy.onFollow = stream => {
    const nowMs = performance.now()
    setTimeout(() => {
      stream.start({ now_ms: nowMs })
      stream.heartbeat(1, { as_of_ms: nowMs })
    }, 1500)
  }
  const verifier = startFollowing(t, toy)
  await verifier.ready()
  t.ok(verifier.status().ageMs! >= 1400, `${verifier.status().ageMs} ms`)
})

t.test('a sender that knows nothing new makes the list grow old', async t => {
  const toy = await startToyIssuer(t)
  const asOf = performance.now()
  const beats = setInterval(
    () => toy.streams.at(-1)?.isOpen && toy.streams.at(-1)!.heartbeat(undefined, { as_of_ms: asOf }),
    200,
  )
  t.teardown(() => clearInterval(beats))
  const verifier = startFollowing(t, toy, { maxStalenessSeconds: 5 })
  await verifier.ready()
  const token = toy.token()
  t.equal(await verdict(verifier.verify(token)), 'valid')
  await until(() => knownVerdict(verifier, token) === 'revocations_stale')
  t.match(verifier.status(), { connected: true, isFresh: false })
  toy.streams.at(-1)!.heartbeat()
  await until(() => knownVerdict(verifier, token) === 'valid')
})

t.test('of the last comparisons, the one with the least delay is the issuer’s clock', t => {
  const clock = new IssuerClock()
  t.equal(clock.at(0), undefined)
  clock.compare(10_000, 100)
  t.equal(clock.at(200), 10_100)
  clock.compare(10_100, 900)
  t.equal(clock.at(1000), 10_900, 'a delay of 700 ms')
  clock.compare(12_050, 2100)
  t.equal(clock.at(2100), 12_050, 'less delay than ever')
  for (let n = 0; n < 10; n++) clock.compare(5000 + n, 3000 + n)
  t.equal(clock.at(4000), 6000, 'a clock that was set back')
  t.end()
})
