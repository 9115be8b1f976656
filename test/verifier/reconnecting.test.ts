import t, { type Test } from 'tap'
import { until } from '../support/eventually.js'
import { startToyIssuer, type ToyIssuer } from './toy-issuer.js'
import { inSeconds, knownVerdict, startFollowing, verdict } from './verifiers.js'

const exp = inSeconds(7200)

// They wait for timers most of the time, and share nothing.
t.jobs = 8

t.test('a snapshot that is cut is asked for again, and what arrived of it counts', async t => {
  const toy = await startToyIssuer(t)
  toy.onFollow = stream => {
    stream.raw('retry: 10\n\n')
    stream.start()
    if (toy.streams.length === 1) {
      stream.entries({ kind: 'session', sid: 's1', exp })
      setTimeout(() => stream.cut(), 50)
    } else {
      stream.entries({ kind: 'session', sid: 's2', exp })
      stream.heartbeat(5)
    }
  }
  const verifier = startFollowing(t, toy)
  await verifier.ready()
  t.equal(toy.asked[1]!.headers['last-event-id'], undefined, 'a whole snapshot again')
  for (const sid of ['s1', 's2']) t.equal(await verdict(verifier.verify(toy.token({ sid }))), 'token_revoked', sid)
})

t.test('a connection continues where the last one was complete', async t => {
  const toy = await startToyIssuer(t)
  toy.onFollow = stream => {
    stream.raw('retry: 10\n\n')
    stream.start()
    stream.heartbeat(toy.streams.length)
  }
  const verifier = startFollowing(t, toy)
  await verifier.ready()
  toy.streams[0]!.entries({ kind: 'session', sid: 's1', exp })
  toy.streams[0]!.heartbeat(7)
  toy.streams[0]!.heartbeat()
  toy.streams[0]!.entries({ kind: 'session', sid: 's2', exp })
  await until(() => verifier.status().revocations === 2)
  toy.streams[0]!.end()
  await until(() => toy.asked.length === 2)
  t.equal(
    toy.asked[1]!.headers['last-event-id'],
    '1795870000.123:7',
    'not the entries after it: they may be part of a page',
  )
  t.equal(toy.asked[1]!.url.searchParams.get('verifier'), toy.asked[0]!.url.searchParams.get('verifier'))
  t.equal(verifier.lines.filter(line => !line.startsWith('info')).length, 0, 'an end in good order is no problem')
})

t.test('an event that is cut in the middle is not used', async t => {
  const toy = await startToyIssuer(t)
  toy.onFollow = stream => {
    stream.raw('retry: 10\n\n')
    stream.start()
    stream.heartbeat(1)
  }
  const verifier = startFollowing(t, toy)
  await verifier.ready()
  toy.streams[0]!.raw(`id: 1795870000.123:99\nevent: heartbeat\ndata: {"as_of_ms":${performance.now()},"time_ms":1`)
  setTimeout(() => toy.streams[0]!.cut(), 50)
  await until(() => toy.asked.length === 2)
  t.equal(toy.asked[1]!.headers['last-event-id'], '1795870000.123:1')
})

t.test('events in parts of one byte, with every kind of line end, are read', async t => {
  const toy = await startToyIssuer(t)
  const verifier = startFollowing(t, toy)
  await verifier.ready()
  const event = (text: string, end: string) => `event: revocations${end}data: ${text}${end}${end}`
  for (const [n, end] of ['\n', '\r\n', '\r'].entries())
    for (const byte of event(JSON.stringify([{ kind: 'session', sid: `sé${n}`, exp }]), end)) toy.streams[0]!.raw(byte)
  toy.streams[0]!.heartbeat(2)
  await until(() => verifier.status().revocations === 3)
  t.equal(await verdict(verifier.verify(toy.token({ sid: 'sé1' }))), 'token_revoked')
})

t.test('a feed that is silent is left, and tokens stay valid meanwhile', async t => {
  const toy = await startToyIssuer(t)
  toy.onFollow = stream => {
    stream.start()
    stream.heartbeat(toy.streams.length)
  }
  const verifier = startFollowing(t, toy, { maxStalenessSeconds: 5 })
  await verifier.ready()
  const token = toy.token()
  await verifier.verify(token)
  await until(() => toy.asked.length === 2)
  t.equal(knownVerdict(verifier, token), 'valid')
  t.match(verifier.lines.join('\n'), /warn cannot follow revocations: nothing arrived on the feed/)
  await until(() => verifier.status().connected)
  t.match(verifier.lines.at(-1), /warn follows the revocations of .* again/)
})

t.test(
  'after the bound of staleness every token is refused with 503, and accepted again at once after news',
  async t => {
    const toy = await startToyIssuer(t)
    beatEachHalfSecond(t, toy)
    const verifier = startFollowing(t, toy, { maxStalenessSeconds: 5 })
    await verifier.ready()
    const [good, bad] = [toy.token(), toy.token({ sid: 's1' })]
    t.equal(await verdict(verifier.verify(good)), 'valid')
    t.equal(await verdict(verifier.verify(bad)), 'valid')
    toy.streams[0]!.entries({ kind: 'session', sid: 's1', exp })
    toy.streams[0]!.heartbeat(2)
    await until(() => knownVerdict(verifier, bad) === 'token_revoked')
    await toy.stop()
    await until(() => knownVerdict(verifier, good) === 'revocations_stale')
    t.equal(await verdict(verifier.verify(toy.token())), 'revocations_stale', 'an unknown token too')
    t.equal(await verdict(verifier.verify(bad)), 'token_revoked', 'what is known to be revoked')
    await until(
      () => verifier.status().state === 'stale' && verifier.lines.some(line => line.startsWith('error no news')),
    )
    t.match(await verifier.verify(good).catch(error => error), { status: 503, retryAfterSeconds: 1 })
    await toy.restart()
    await until(() => knownVerdict(verifier, good) === 'valid')
    t.equal(knownVerdict(verifier, bad), 'token_revoked')
    await until(() => verifier.status().lastError === undefined)
    t.equal(new Set(verifier.lines).size, verifier.lines.length, 'each change is logged once')
  },
)

t.test('another database server with a list that lacks entries makes the verifier forget nothing', async t => {
  const toy = await startToyIssuer(t)
  toy.onFollow = stream => {
    stream.raw('retry: 10\n\n')
    stream.start()
    if (toy.streams.length === 1)
      stream.entries({ kind: 'session', sid: 's1', exp }, { kind: 'user', sub: 'u1', ver: 5, exp })
    else stream.entries({ kind: 'user', sub: 'u1', ver: 3, exp })
    stream.raw(`id: ${toy.streams.length}.5:1\n`)
    stream.heartbeat(undefined, { position: `${toy.streams.length}.5/1:1:` })
  }
  const verifier = startFollowing(t, toy)
  await verifier.ready()
  toy.streams[0]!.cut()
  await until(() => verifier.status().position === '2.5/1:1:')
  t.equal(toy.asked[1]!.headers['last-event-id'], '1.5:1')
  t.equal(await verdict(verifier.verify(toy.token({ sid: 's1' }))), 'token_revoked')
  t.equal(
    await verdict(verifier.verify(toy.token({ sub: 'u1', ver: 4 }))),
    'token_revoked',
    'a lower bound changes nothing',
  )
})

t.test('the service can ask for another connection, which follows at once', async t => {
  const toy = await startToyIssuer(t)
  const verifier = startFollowing(t, toy, { maxStalenessSeconds: 5 })
  await verifier.ready()
  toy.streams[0]!.raw('retry: 9000\n\n')
  beatEachHalfSecond(t, toy)
  toy.streams[0]!.raw('event: reconnect\ndata: {"within_ms":20}\n\n')
  await until(() => toy.asked.length === 2)
  t.equal(toy.asked[1]!.headers['last-event-id'], '1795870000.123:1')
  t.equal(verifier.lines.filter(line => !line.startsWith('info')).length, 0)
})

t.test('an id that belongs to another client is replaced', async t => {
  const toy = await startToyIssuer(t)
  const ids: (string | null)[] = []
  toy.override.set('/auth/revocations', (request, response) => {
    ids.push(new URL(request.url!, toy.url).searchParams.get('verifier'))
    toy.override.delete('/auth/revocations')
    response.writeHead(409, { 'content-type': 'application/problem+json' }).end('{"code":"verifier_id_taken"}')
  })
  const verifier = startFollowing(t, toy)
  await verifier.ready()
  t.not(verifier.status().verifierId, ids[0])
  t.equal(toy.asked[0]!.url.searchParams.get('verifier'), verifier.status().verifierId)
})

t.test('a token that the service refuses is replaced at once', async t => {
  const toy = await startToyIssuer(t)
  const sent: unknown[] = []
  toy.override.set('/auth/revocations', (request, response) => {
    sent.push(request.headers.authorization)
    toy.override.delete('/auth/revocations')
    response.writeHead(401, { 'content-type': 'application/problem+json' }).end('{"code":"token_revoked"}')
  })
  const verifier = startFollowing(t, toy)
  await verifier.ready()
  t.not(toy.asked[0]!.headers.authorization, sent[0])
})

t.test('after failures the service is asked less and less often', async t => {
  const toy = await startToyIssuer(t)
  let attempts = 0
  toy.override.set('/auth/revocations', (_request, response) => {
    attempts++
    response.writeHead(503, { 'content-type': 'application/problem+json', 'retry-after': '1' }).end('{"code":"busy"}')
  })
  const verifier = startFollowing(t, toy)
  await until(() => attempts === 4)
  t.match(verifier.status().lastError, /503 busy/)
  t.equal(verifier.lines.filter(line => line.includes('cannot follow')).length, 1)
  toy.override.delete('/auth/revocations')
  await verifier.ready({ timeoutMs: 20_000 })
})

/** Without heartbeats a follower leaves the feed: on a busy machine within the steps of a test. */
function beatEachHalfSecond(t: Test, toy: ToyIssuer): void {
  const beats = setInterval(() => {
    for (const stream of toy.streams) if (stream.isOpen) stream.heartbeat()
  }, 500)
  t.teardown(() => clearInterval(beats))
}
