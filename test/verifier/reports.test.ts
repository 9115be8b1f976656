import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { ClientToken } from '../../packages/verifier/src/feed/client-token.js'
import { Reports } from '../../packages/verifier/src/feed/reports.js'
import { until } from '../support/eventually.js'
import { startToyIssuer, type ToyIssuer } from './toy-issuer.js'
import { inSeconds, startFollowing, verdict } from './verifiers.js'

const exp = inSeconds(7200)

t.test('a position is confirmed right after the first snapshot, and after each page with new entries', async t => {
  const toy = await startToyIssuer(t)
  const verifier = startFollowing(t, toy)
  await verifier.ready()
  await until(() => toy.reports.length === 1)
  t.strictSame(toy.reports[0], { verifier: verifier.status().verifierId, position: '1795870000.123/1:1:' })
  const [stream] = toy.streams
  stream!.heartbeat(2)
  stream!.entries({ kind: 'session', sid: 's1', exp })
  stream!.heartbeat()
  await sleep(150)
  t.equal(toy.reports.length, 1, 'not after a page without entries, nor before the position that covers them')
  stream!.heartbeat(3)
  await until(() => toy.reports.length === 2)
  t.equal(toy.reports[1]!.position, '1795870000.123/3:3:')
})

t.test('positions are confirmed no more often than the service wants, and the last one always is', async t => {
  const toy = await startToyIssuer(t)
  toy.onFollow = stream => {
    stream.start({ report_every_ms: 400 })
    stream.heartbeat(1)
  }
  const verifier = startFollowing(t, toy)
  await verifier.ready()
  for (let xid = 2; xid <= 60; xid++) {
    toy.streams[0]!.entries({ kind: 'session', sid: `s${xid}`, exp })
    toy.streams[0]!.heartbeat(xid)
    await sleep(10)
  }
  await until(() => toy.reports.at(-1)?.position === '1795870000.123/60:60:')
  t.ok(toy.reports.length <= 6, `${toy.reports.length} reports`)
})

t.test(
  'the sessions that were active are reported at most once a second, each generation with its latest instant',
  async t => {
    const toy = await startToyIssuer(t)
    const verifier = startFollowing(t, toy)
    await verifier.ready()
    const [first, second, refused] = [
      toy.token({ sid: 's1', gen: 4 }),
      toy.token({ sid: 's1', gen: 5 }),
      toy.token({ iss: 'x' }),
    ]
    await Promise.all([first, second, toy.token({ sid: 's1', gen: 5 })].map(token => verifier.verify(token)))
    for (let n = 0; n < 1000; n++) verifier.verifyKnown(first)
    t.equal(await verdict(verifier.verify(refused)), 'token_invalid')
    const reported = () => toy.reports.flatMap(({ sessions = [] }) => sessions)
    await until(() => reported().length === 2)
    t.match(
      reported()
        .map(({ sid, gen }) => `${sid} ${gen}`)
        .sort(),
      ['s1 4', 's1 5'],
    )
    for (const { at } of reported()) t.ok(Math.abs(at - Date.now()) < 30_000)
    await sleep(1200)
    t.equal(reported().length, 2, 'once')
    t.equal(toy.reports.filter(({ sessions }) => sessions?.length === 0).length, 0, 'nothing is sent without a reason')
  },
)

t.test('with reportActivity: false, positions are confirmed and no session is named', async t => {
  const toy = await startToyIssuer(t)
  const verifier = startFollowing(t, toy, { reportActivity: false })
  await verifier.ready()
  await verifier.verify(toy.token())
  await until(() => toy.reports.length > 0)
  await verifier.close()
  t.ok(toy.reports.every(({ sessions }) => sessions === undefined))
})

t.test('a report that fails disturbs no verification, and is sent again with what it said', async t => {
  const toy = await startToyIssuer(t)
  toy.override.set('/auth/activity', (request, response) => {
    request.resume()
    response.writeHead(500, { 'content-type': 'text/plain' }).end('out of order')
  })
  const verifier = startFollowing(t, toy)
  await verifier.ready()
  t.equal(await verdict(verifier.verify(toy.token({ sid: 's1' }))), 'valid')
  await until(() => /cannot report position and activity: POST .* 500/.test(verifier.status().lastError ?? ''))
  t.equal(await verdict(verifier.verify(toy.token({ sid: 's2' }))), 'valid')
  t.match(verifier.status(), { isFresh: true, state: 'fresh' })
  toy.override.delete('/auth/activity')
  const reported = () => new Set(toy.reports.flatMap(({ sessions = [] }) => sessions.map(({ sid }) => sid)))
  await until(() => reported().size === 2)
  await until(() => verifier.status().lastError === undefined)
  t.equal(verifier.lines.filter(line => line.includes('cannot report')).length, 1)
})

t.test('closing reports the last activity, and that nobody has to wait for this verifier', async t => {
  const toy = await startToyIssuer(t)
  const verifier = startFollowing(t, toy)
  await verifier.ready()
  await until(() => toy.reports.length === 1)
  await verifier.verify(toy.token({ sid: 's1' }))
  await verifier.close()
  t.match(toy.reports.at(-1), { closing: true, verifier: toy.reports[0]!.verifier })
  t.ok(toy.reports.some(({ sessions }) => sessions?.[0]?.sid === 's1'))
})

t.test(
  'the memory for reports is bounded, whatever the number of sessions, and the service gets bounded reports',
  async t => {
    const toy = await startToyIssuer(t)
    const { reports } = startReports(t, toy)
    const principals = Array.from({ length: 25_000 }, (_, n) => ({ sessionId: `s${n}`, generation: 1 }) as never)
    for (const principal of principals) reports.record(principal, Date.now())
    t.equal(reports.dropped, 15_000)
    await until(() => toy.reports.length === 1)
    t.equal(toy.reports[0]!.sessions!.length, 1000)
  },
)

function startReports(t: Parameters<typeof startToyIssuer>[0], toy: ToyIssuer) {
  const transport = { fetch, baseUrl: toy.url }
  const monotonic = () => performance.now()
  const reports = new Reports({
    transport,
    monotonic,
    token: new ClientToken({ transport, client: toy.client, monotonic }),
    reached: () => ({ verifierId: 'v', position: undefined, reportEveryMs: 100 }),
    onReported: () => {},
  })
  t.teardown(() => reports.close())
  return { reports }
}
