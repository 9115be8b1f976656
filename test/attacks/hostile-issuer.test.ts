import type { IncomingMessage, ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { until } from '../support/eventually.js'
import { startToyIssuer, type ToyIssuer } from '../verifier/toy-issuer.js'
import { inSeconds, startFollowing, startVerifier, verdict } from '../verifier/verifiers.js'

// Somebody between a verifier and Latchkey, or in the place of Latchkey, answers as Latchkey never does.

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** Writes without end, as fast as the reader reads. */
function floodWith(text: string, headers: Record<string, string>, sent: { bytes: number }): Answer {
  return (_request, response) => {
    response.writeHead(200, headers)
    const part = text.repeat(Math.ceil(65_536 / text.length))
    const write = () => {
      while (!response.destroyed && response.write(part)) sent.bytes += part.length
    }
    response.on('drain', write)
    write()
  }
}

const EVENT_STREAM = { 'content-type': 'text/event-stream' }
const JSON_TYPE = { 'content-type': 'application/json' }

t.test('an answer without end is cut, and does not fill the memory', async t => {
  const floods: [path: string, text: string, headers: Record<string, string>, error: RegExp][] = [
    ['/.well-known/jwks.json', '{"keys":[', JSON_TYPE, /keys cannot be read: .*larger than \d+ bytes/],
    ['/oauth/token', ' ', JSON_TYPE, /larger than \d+ bytes/],
    ['/auth/revocations', 'data: [', EVENT_STREAM, /longer than \d+ characters/],
    ['/auth/revocations', 'data: [1,\n', EVENT_STREAM, /longer than \d+ characters/],
    ['/auth/revocations', 'id: x', EVENT_STREAM, /longer than \d+ characters/],
    ['/auth/revocations', 'x'.repeat(100), EVENT_STREAM, /longer than \d+ characters/],
  ]
  for (const [path, text, headers, error] of floods) {
    const toy = await startToyIssuer(t)
    const sent = { bytes: 0 }
    toy.override.set(path, floodWith(text, headers, sent))
    const verifier = startFollowing(t, toy)
    await until(
      () => error.test(verifier.status().lastError ?? '') || verifier.lines.some(line => error.test(line)),
      path,
    )
    t.ok(sent.bytes < 32 * 1024 * 1024, `${path}: ${sent.bytes} bytes`)
    t.match(await verdict(verifier.verify(toy.token())), /keys_unavailable|revocations_stale/)
    await verifier.close()
  }
})

t.test('a small answer that unpacks to a large one is cut too', async t => {
  const toy = await startToyIssuer(t)
  const bomb = gzipSync(Buffer.alloc(256 * 1024 * 1024, ' '))
  toy.override.set('/.well-known/jwks.json', (_request, response) =>
    response.writeHead(200, { ...JSON_TYPE, 'content-encoding': 'gzip' }).end(bomb),
  )
  const verifier = startVerifier(t, { issuer: toy.url })
  await t.rejects(verifier.ready({ timeoutMs: 3000 }), { message: /larger than \d+ bytes/ })
})

t.test('an endless series of comments is not news', async t => {
  const toy = await startToyIssuer(t)
  toy.onFollow = stream => {
    stream.start()
    const comments = setInterval(() => stream.raw(': still here\n\n'), 100)
    t.teardown(() => clearInterval(comments))
  }
  const verifier = startFollowing(t, toy)
  await until(() => verifier.status().connected)
  t.equal(await verdict(verifier.verify(toy.token())), 'revocations_stale')
})

t.test('the token of the client does not follow a redirect', async t => {
  const other = await startToyIssuer(t)
  for (const path of ['/auth/revocations', '/auth/activity', '/.well-known/jwks.json', '/oauth/token']) {
    const toy = await startToyIssuer(t)
    toy.override.set(path, (request, response) => {
      request.resume()
      response.writeHead(307, { location: `${other.url}${path}` }).end()
    })
    const verifier = startFollowing(t, toy)
    await until(() => /redirect, which is not followed/.test(verifier.status().lastError ?? ''), path)
    await verifier.close()
  }
  t.strictSame(other.requests, [])
})

t.test('a feed of another content type is not read', async t => {
  for (const type of ['text/html', 'text/plain', 'application/json', 'text/event-stream2', '']) {
    const toy = await startToyIssuer(t)
    toy.override.set('/auth/revocations', (_request, response) => {
      response.writeHead(200, type ? { 'content-type': type } : {})
      response.end(feedOf(toy))
    })
    const verifier = startFollowing(t, toy)
    await until(() => /not text\/event-stream/.test(verifier.status().lastError ?? ''), type)
    t.equal(await verdict(verifier.verify(toy.token())), 'revocations_stale')
    await verifier.close()
  }
})

t.test('a feed that breaks its own rules is left', async t => {
  const heartbeat = `event: heartbeat\ndata: {"as_of_ms":1,"time_ms":${Date.now()},"position":"x"}\n\n`
  const start = `event: start\ndata: {"version":1,"now_ms":1,"time_ms":${Date.now()},"snapshot":true}\n\n`
  for (const [body, error] of [
    [heartbeat, /`start` must be the first one/],
    [`event: revocations\ndata: []\n\n${start}`, /`start` must be the first one/],
    [start + start, /and the only one/],
    [`event: start\ndata: nothing\n\n`, /`start` has another form/],
    [`event: start\ndata: {"version":1,"now_ms":"1","time_ms":1}\n\n`, /`start` has another form/],
    [start.replace('"version":1', '"version":2'), /cannot read version 2/],
    [`${start}event: heartbeat\ndata: {"as_of_ms":1e999,"time_ms":1}\n\n`, /`heartbeat` has another form/],
    [`${start}event: heartbeat\ndata: null\n\n`, /`heartbeat` has another form/],
    [`${start}id: ${'9'.repeat(201)}\n${heartbeat}`, /`heartbeat` has another form/],
    [`${start}id: a b\n${heartbeat}`, /`heartbeat` has another form/],
  ] as const) {
    const toy = await startToyIssuer(t)
    toy.override.set('/auth/revocations', (_request, response) => response.writeHead(200, EVENT_STREAM).write(body))
    const verifier = startFollowing(t, toy)
    await until(() => error.test(verifier.status().lastError ?? ''), body)
    t.equal(await verdict(verifier.verify(toy.token())), 'revocations_stale')
    await verifier.close()
  }
})

t.test('a sender that claims to be ahead of time makes nothing fresher, and is not asked in a loop', async t => {
  const toy = await startToyIssuer(t)
  toy.onFollow = stream => {
    stream.start()
    stream.heartbeat(1, { as_of_ms: performance.now() + 1e9 })
  }
  const verifier = startFollowing(t, toy, { maxStalenessSeconds: 5 })
  await verifier.ready()
  t.ok(verifier.status().ageMs! >= 0)
  await toy.stop()
  const asked = toy.asked.length
  t.ok(asked < 20, `${asked} requests`)
  await until(async () => (await verdict(verifier.verify(toy.token()))) === 'revocations_stale')
})

t.test('names that JavaScript knows are names like others', async t => {
  const toy = await startToyIssuer(t)
  const verifier = startFollowing(t, toy)
  await verifier.ready()
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']
  toy.streams[0]!.raw(
    `event: revocations\ndata: [{"kind":"session","sid":"__proto__","exp":${inSeconds(60)},"__proto__":{"x":1}}]\n\n`,
  )
  toy.streams[0]!.entries({ kind: 'user', sub: 'constructor', ver: 2, exp: inSeconds(60) })
  toy.streams[0]!.heartbeat(2)
  await until(() => verifier.status().revocations === 2)
  for (const name of names) {
    t.equal(
      await verdict(verifier.verify(toy.token({ sid: name }))),
      name === '__proto__' ? 'token_revoked' : 'valid',
      name,
    )
    t.equal(
      await verdict(verifier.verify(toy.token({ sub: name }))),
      name === 'constructor' ? 'token_revoked' : 'valid',
      name,
    )
  }
  t.equal(({} as Record<string, unknown>).x, undefined)
})

t.test('no secret and no token is in a log, an error or the status, whatever the service answers', async t => {
  const toy = await startToyIssuer(t)
  const echo: Answer = (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      const { authorization } = request.headers
      const code = `${authorization} ${Buffer.concat(chunks)} ${request.url}`
      response
        .writeHead(400, { ...JSON_TYPE, 'retry-after': '1' })
        .end(JSON.stringify({ code, error: code, detail: code }))
    })
  }
  for (const path of ['/oauth/token', '/auth/revocations', '/auth/activity']) {
    toy.override.clear()
    toy.override.set(path, echo)
    const verifier = startFollowing(t, toy)
    await until(() => verifier.status().lastError !== undefined, path)
    const error = await verifier.ready({ timeoutMs: 10 }).catch(error => error)
    const seen = JSON.stringify([verifier.lines, verifier.status(), String(error?.stack), String(error?.cause)])
    for (const secret of [toy.client.secret, Buffer.from(toy.client.secret).toString('base64'), 'client-token-'])
      t.notMatch(seen, secret, path)
    await verifier.close()
  }
})

function feedOf({ url }: ToyIssuer): string {
  return (
    `event: start\ndata: ${JSON.stringify({ version: 1, now_ms: 1, time_ms: Date.now(), snapshot: true, url })}\n\n` +
    `id: 1.2:3\nevent: heartbeat\ndata: ${JSON.stringify({ as_of_ms: 1, time_ms: Date.now(), position: 'p' })}\n\n`
  )
}
