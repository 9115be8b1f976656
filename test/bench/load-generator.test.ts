import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type LoadGenerator, startLoadGenerator } from '../../bench/load/drive.js'
import { eachOnce, headOf, type Plan, repeated, request } from '../../bench/load/scenario.js'

t.test('each token of a chain is sent once, after the answer that had it', async t => {
  const generator = await started(t)
  const generations = new Map<string, number>()
  const inFlight = new Set<string>()
  const port = await listen(t, async (request, response) => {
    const [session, generation] = JSON.parse(await text(request)).token.split('/')
    if (inFlight.has(session) || Number(generation) !== (generations.get(session) ?? 0)) response.statusCode = 401
    inFlight.add(session)
    await sleep(Math.random() * 3)
    generations.set(session, Number(generation) + 1)
    inFlight.delete(session)
    response.end(JSON.stringify({ other: 1, token: `${session}/${Number(generation) + 1}` }))
  })
  const tokens = Array.from({ length: 10 }, (_, at) => `session-${at}/0`)
  const head = headOf('POST', '/', ['Content-Type: application/json'])
  const scenario = { kind: 'chains', tokens, head, body: ['{"token":"', '"}'], field: 'token' } as const
  const measured = await generator.drive(plan(port, { connections: 4, scenario }))
  t.strictSame(Object.keys(measured.statuses), ['200'])
  t.equal(generations.size, 10, 'every session has its turn')
  t.strictSame(
    measured.tokens,
    tokens.map(token => `${token.slice(0, -2)}/${generations.get(token.slice(0, -2))}`),
    'the newest token of every session is returned',
  )
})

t.test('at a fixed rate, the latency counts from the time at which a request was due', async t => {
  const generator = await started(t)
  let received = 0
  const port = await listen(t, async (_request, response) => {
    if (received++ === 0) await sleep(400)
    response.end('{}')
  })
  const one = { connections: 1, seconds: 1, scenario: repeated([request('GET', '/', [])]) }
  const closed = await generator.drive(plan(port, one))
  t.ok(closed.requests > 0, 'in a closed loop, no request waits but the first')
  received = 0
  const open = await generator.drive(plan(port, { ...one, rate: 100 }))
  // 40 requests were due in those 400 ms, at most 25 of them in the last 250 ms.
  t.ok(open.latency.p99 > 250, 'requests that were due while the server did not answer count as late')
  t.ok(open.longestQueue > 20)
})

t.test('an answer in chunks, an answer without a body and a closed connection are read', async t => {
  const generator = await started(t)
  const port = await listen(t, (request, response) => {
    if (request.url === '/closed') response.shouldKeepAlive = false
    if (request.url === '/empty') {
      response.writeHead(204).end()
      return
    }
    response.write(`{"url":`)
    response.end(`"${request.url}"}`)
  })
  const paths = ['/chunks', '/closed', '/chunks', '/closed', '/chunks']
  const requests = paths.map(path => request('GET', path, []))
  t.strictSame(await generator.collect(port, requests, 'url'), paths, 'the answers are in the order of the requests')
  const empty = request('GET', '/empty', [])
  const measured = await generator.drive(
    plan(port, { connections: 1, scenario: eachOnce([empty, ...requests, empty]) }),
  )
  t.strictSame(measured.statuses, { 200: 5, 204: 2 })
})

t.test('a server that ends a connection without an answer fails the measurement', async t => {
  const generator = await started(t)
  const port = await listen(t, request => request.socket.destroy())
  const scenario = repeated([request('GET', '/', [])])
  await t.rejects(generator.drive(plan(port, { scenario })), /the load generator failed/)
})

function plan(port: number, options: Pick<Plan, 'scenario'> & Partial<Plan>): Plan {
  return { port, connections: 2, warmUpSeconds: 0, seconds: 0.3, ...options }
}

async function started(t: Test): Promise<LoadGenerator> {
  const generator = await startLoadGenerator()
  t.teardown(() => generator.stop())
  return generator
}

async function listen(t: Test, listener: RequestListener): Promise<number> {
  const server = createServer(listener)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}
