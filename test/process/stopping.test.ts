import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { externalStores } from '../support/external-stores.js'
import { HttpClient } from '../support/http-client.js'
import { PASSWORD } from '../support/people.js'
import { makeFolder, postgresOf } from '../support/servers/embedded-fixture.js'
import { startService } from '../support/service-process.js'

// How gateways react is tested in test/gateways/fleet.test.ts.
t.test('a stopping instance closes older connections before it stops listening, and newer ones after it', async t => {
  const { env } = await externalStores(t)
  const service = await startService(t, { env: { ...env, SHUTDOWN_DELAY: '500ms' } })
  const [early, late] = [new HttpClient(service.url), new HttpClient(service.url)]
  t.teardown(() => {
    for (const client of [early, late]) client.close()
  })
  await early.get('/livez')
  const exited = service.stop('SIGTERM')
  await t.resolves(untilLast(early, '/readyz'), 'a response closes a connection that was open before the stop')
  const unready = { status: 503, body: { reason: 'draining' }, headers: { connection: 'keep-alive' } }
  t.match(await late.get('/readyz'), unready, 'a connection opened during the delay stays open')

  t.match(await late.get('/livez'), { status: 200, headers: { connection: 'keep-alive' } })
  t.match(await late.get('/auth/verify'), { status: 401, headers: { connection: 'keep-alive' } })
  const last = await untilLast(late, '/auth/verify')
  t.match(last, { status: 401 }, 'requests on that connection are answered until the listener has closed')
  await t.rejects(late.get('/livez'), { code: 'ECONNREFUSED' })
  t.equal(await exited, 0)
})

for (const [signal, SHUTDOWN_DELAY] of [
  ['SIGTERM', '1s'],
  // Ctrl-C skips the delay.
  ['SIGINT', '20s'],
] as const) {
  t.test(`every request that a single instance accepted before ${signal} is answered`, async t => {
    const { env } = await externalStores(t)
    // One hash at a time: the sign-ins take a while together.
    const service = await startService(t, { env: { ...env, HASH_CONCURRENCY: '1', SHUTDOWN_DELAY } })
    const ann = await clientOf(t, service.url, 'ann@example.com')
    const clients = openClients(t, service.url)
    await Promise.all(clients.map(client => client.get('/livez')))

    const answers: string[] = []
    const signIns = clients.map(async client => {
      const { status, headers } = await client.post('/auth/login', { email: 'ann@example.com', password: PASSWORD })
      answers.push(`${status} ${headers.connection}`)
    })
    while (answers.length === 0) await sleep(1)
    const before = answers.length
    const startedAt = Date.now()
    const exited = service.stop(signal)
    await Promise.all(signIns)
    t.equal(answers.filter(answer => answer.startsWith('200 ')).length, clients.length)
    t.ok(before < clients.length, `${clients.length - before} were under way`)
    t.equal(answers.at(-1), '200 close')
    t.equal(await exited, 0)
    const tookMs = Date.now() - startedAt
    t.ok(signal === 'SIGTERM' ? tookMs >= 1000 : tookMs < 20_000, `in ${tookMs} ms`)
    await t.rejects(ann.client.get('/livez'), { code: 'ECONNREFUSED' })
  })
}

t.test('a stopping instance closes keep-alive connections only after a complete response', async t => {
  const { env } = await externalStores(t)
  const service = await startService(t, { env })
  const { tokens } = await clientOf(t, service.url, 'ann@example.com')
  const clients = openClients(t, service.url)

  const load = clients.map(async client => {
    for (let answered = 0; ; answered++) {
      const { status, headers } = await client.get('/auth/verify', tokens.access_token)
      if (status !== 200 || headers.connection === 'close') return { status, answered }
    }
  })
  await sleep(200)
  t.equal(await service.stop('SIGTERM'), 0)
  const results = await Promise.all(load)
  t.same(
    results.filter(({ status, answered }) => status !== 200 || answered < 2),
    [],
  )
})

t.test('a failed sign-in that waits for its delay is answered before the process ends', async t => {
  const { env } = await externalStores(t)
  const service = await startService(t, { env: { ...env, SIGN_IN_FAILURE_DELAY: '1s' } })
  const [ann, other] = [new HttpClient(service.url), new HttpClient(service.url)]
  t.teardown(() => {
    for (const client of [ann, other]) client.close()
  })
  const refusal = ann.post('/auth/login', { email: 'ann@example.com', password: 'wrong' })
  await other.get('/livez')
  const startedAt = Date.now()
  const exited = service.stop('SIGINT')
  t.match(await refusal, { status: 401, headers: { connection: 'close' } })
  t.equal(await exited, 0)
  t.ok(Date.now() - startedAt < 10_000, `it took ${Date.now() - startedAt} ms`)
})

t.test('idle connections do not delay the stop', async t => {
  const { env } = await externalStores(t)
  const service = await startService(t, { env })
  const port = Number(new URL(service.url).port)
  const resting = new HttpClient(service.url)
  await resting.get('/livez')
  const silent = connect(port, '127.0.0.1')
  const halting = connect(port, '127.0.0.1')
  halting.write('GET /livez HTTP/1.1\r\nHo')
  for (const socket of [silent, halting]) socket.on('error', () => {})
  t.teardown(() => {
    resting.close()
    for (const socket of [silent, halting]) socket.destroy()
  })
  await sleep(50)
  const startedAt = Date.now()
  t.equal(await service.stop('SIGINT'), 0)
  t.ok(Date.now() - startedAt < 10_000, `it took ${Date.now() - startedAt} ms`)
})

t.test('the service exits with code 1 if its embedded Postgres is killed', async t => {
  const cwd = await makeFolder(t)
  const service = await startService(t, { cwd })
  const postgres = await postgresOf(join(cwd, '.latchkey/postgres'))
  process.kill(postgres.pid, 'SIGKILL')
  t.equal(await service.exited, 1)
  t.match(service.output(), /The embedded Postgres ended unexpectedly with SIGKILL/)
})

function openClients(t: Test, url: string): HttpClient[] {
  return Array.from({ length: 20 }, () => {
    const client = new HttpClient(url)
    t.teardown(() => client.close())
    return client
  })
}

async function clientOf(t: Test, url: string, email: string) {
  const client = new HttpClient(url)
  t.teardown(() => client.close())
  const { body } = await client.post('/auth/register', { email, password: PASSWORD, transport: 'body' })
  return { client, tokens: body as { access_token: string; refresh_token: string } }
}

/** The response that closes the client's connection. */
async function untilLast(client: HttpClient, path: string) {
  for (;;) {
    const answer = await client.get(path)
    if (answer.headers.connection === 'close') return answer
    await sleep(10)
  }
}
