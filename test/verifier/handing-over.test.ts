import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { until } from '../support/eventually.js'
import { startToyIssuer, type ToyIssuer } from './toy-issuer.js'
import { inSeconds, startFollowing, verdict } from './verifiers.js'

// A verifier that must change its connection reads the old one until the list is complete over the new one.

const exp = inSeconds(7200)

t.jobs = 8

/** Heartbeats for every connection whose snapshot was sent. The other ones stay as the test leaves them. */
async function openToy(t: Test): Promise<ToyIssuer> {
  const toy = await startToyIssuer(t)
  const beats = setInterval(() => {
    for (const stream of toy.streams) if (stream.isOpen) stream.heartbeat()
  }, 200)
  t.teardown(() => clearInterval(beats))
  toy.onFollow = stream => {
    stream.raw('retry: 100\n\n')
    stream.start()
    stream.heartbeat(toy.streams.length)
  }
  return toy
}

/** The second connection begins, and its list is not complete. */
async function openTwo(t: Test) {
  const toy = await openToy(t)
  const verifier = startFollowing(t, toy)
  await verifier.ready()
  toy.onFollow = stream => stream.start()
  askForAnother(toy, 0)
  await until(() => toy.streams.length === 2)
  return { toy, verifier, first: toy.streams[0]!, second: toy.streams[1]! }
}

function askForAnother(toy: ToyIssuer, stream: number): void {
  toy.streams[stream]!.raw('event: reconnect\ndata: {"within_ms":10}\n\n')
}

t.test('until the list is complete over the next connection, the one before brings news and is confirmed', async t => {
  const { toy, verifier, first, second } = await openTwo(t)
  first.entries({ kind: 'session', sid: 's1', exp })
  first.heartbeat(7)
  await until(() => toy.reports.some(({ position }) => position?.endsWith('/7:7:')))
  t.equal(await verdict(verifier.verify(toy.token({ sid: 's1' }))), 'token_revoked')
  t.match(verifier.status(), { connected: true, isFresh: true })
  t.ok(first.isOpen)
  second.entries({ kind: 'session', sid: 's2', exp })
  second.heartbeat(9)
  await until(() => !first.isOpen)
  t.ok(second.isOpen)
  await until(() => toy.reports.some(({ position }) => position?.endsWith('/9:9:')))
  t.equal(await verdict(verifier.verify(toy.token({ sid: 's2' }))), 'token_revoked')
  t.equal(new Set(toy.reports.map(({ verifier }) => verifier)).size, 1)
  t.strictSame(
    verifier.lines.filter(line => !line.startsWith('info')),
    [],
  )
})

t.test('while the list of the next connection is not complete, its heartbeats complete nothing', async t => {
  const { toy, verifier, first, second } = await openTwo(t)
  await until(() => toy.reports.length > 0)
  const before = toy.reports.length
  second.heartbeat(undefined, { position: '1795870000.123/99:99:' })
  await sleep(300)
  t.ok(first.isOpen)
  t.notOk(toy.reports.slice(before).some(({ position }) => position?.endsWith('/99:99:')))
  t.equal(verifier.status().position, '1795870000.123/1:1:')
})

t.test('if the next connection fails, the one before goes on, and another attempt follows', async t => {
  const { toy, verifier, first, second } = await openTwo(t)
  second.cut()
  await until(() => toy.streams.length === 3)
  t.ok(first.isOpen)
  first.entries({ kind: 'session', sid: 's1', exp })
  await until(() => verifier.status().revocations === 1)
  t.match(verifier.status(), { connected: true, isFresh: true })
  toy.streams[2]!.heartbeat(3)
  await until(() => !first.isOpen)
  t.strictSame(
    verifier.lines.filter(line => !line.startsWith('info')),
    [],
    'nothing was lost, so nothing is said',
  )
})

t.test('refused attempts become rarer, and the connection before goes on', async t => {
  const toy = await openToy(t)
  const verifier = startFollowing(t, toy)
  await verifier.ready()
  let refused = 0
  toy.override.set('/auth/revocations', (_request, response) => {
    refused++
    response.writeHead(503, { 'content-type': 'application/problem+json' }).end('{"code":"shutting_down"}')
  })
  askForAnother(toy, 0)
  await until(() => refused === 3)
  t.ok(toy.streams[0]!.isOpen)
  toy.override.delete('/auth/revocations')
  await until(() => toy.streams.length === 2 && !toy.streams[0]!.isOpen)
})

t.test('if the connection before ends first, the next one is waited for, and no third one is opened', async t => {
  const { toy, verifier, first, second } = await openTwo(t)
  first.end()
  await until(() => !first.isOpen)
  await sleep(500)
  t.equal(toy.streams.length, 2)
  second.heartbeat(2)
  await until(() => verifier.status().position === '1795870000.123/2:2:')
  t.ok(second.isOpen)
  t.match(verifier.status(), { connected: true, isFresh: true })
})

t.test('if both end, a new connection continues from the last id of either', async t => {
  const { toy, first, second } = await openTwo(t)
  first.heartbeat(6)
  await until(() => toy.reports.some(({ position }) => position?.endsWith('/6:6:')))
  first.cut()
  second.cut()
  await until(() => toy.streams.length === 3)
  t.equal(toy.asked[2]!.headers['last-event-id'], '1795870000.123:6')
})

t.test('asked twice, a verifier opens one connection', async t => {
  const { toy, first } = await openTwo(t)
  askForAnother(toy, 0)
  askForAnother(toy, 0)
  await sleep(700)
  t.equal(toy.streams.length, 2)
  t.ok(first.isOpen)
})

t.test('asked in the middle of a snapshot, a verifier changes the connection once its list is complete', async t => {
  const toy = await openToy(t)
  toy.onFollow = stream => {
    stream.raw('retry: 100\n\n')
    stream.start()
    if (toy.streams.length > 1) stream.heartbeat(2)
  }
  const verifier = startFollowing(t, toy)
  await until(() => toy.streams.length === 1)
  askForAnother(toy, 0)
  await sleep(400)
  t.equal(toy.streams.length, 1, 'there is nothing yet that could go on')
  toy.streams[0]!.heartbeat(1)
  await verifier.ready()
  await until(() => toy.streams.length === 2 && !toy.streams[0]!.isOpen)
  t.equal(toy.asked[1]!.headers['last-event-id'], '1795870000.123:1')
})

t.test('a connection that asks for another one at once is not replaced again and again', async t => {
  const toy = await openToy(t)
  toy.onFollow = stream => {
    stream.raw('retry: 9000\n\n')
    stream.start()
    stream.heartbeat(1)
    stream.raw('event: reconnect\ndata: {"within_ms":0}\n\n')
  }
  const verifier = startFollowing(t, toy)
  await verifier.ready()
  await sleep(1000)
  t.ok(toy.streams.length < 5, `${toy.streams.length} connections in a second`)
})

t.test('closing ends both connections', async t => {
  const { toy, verifier, first, second } = await openTwo(t)
  await verifier.close()
  await until(() => !first.isOpen && !second.isOpen)
  t.match(toy.reports.at(-1), { closing: true })
  t.equal(verifier.status().connected, false)
  await sleep(300)
  t.equal(toy.streams.length, 2)
})

t.test('after a clock was set, the connection before goes on until there is another one', async t => {
  const toy = await openToy(t)
  const verifier = startFollowing(t, toy)
  await verifier.ready()
  toy.onFollow = stream => stream.start()
  const right = Date.now
  Date.now = () => right() - 60_000
  t.teardown(() => {
    Date.now = right
  })
  await until(() => toy.streams.length === 2)
  const [first, second] = toy.streams as [(typeof toy.streams)[0], (typeof toy.streams)[0]]
  first.entries({ kind: 'session', sid: 's1', exp })
  await until(() => verifier.status().revocations === 1)
  t.equal(toy.streams.length, 2)
  second.heartbeat(2)
  await until(() => !first.isOpen)
})
