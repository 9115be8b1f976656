import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { until } from '../support/eventually.js'
import { externalStores } from '../support/external-stores.js'
import { HttpClient } from '../support/http-client.js'
import { spawnLatchkey } from '../support/latchkey-process.js'
import { PASSWORD } from '../support/people.js'
import { runLatchkey } from '../support/run-latchkey.js'
import { startRedis } from '../support/servers/own-redis.js'
import { startService } from '../support/service-process.js'
import { tcpForwarder } from '../support/tcp-forwarder.js'

t.test('the service starts and works without Redis, which /readyz reports as degraded', async t => {
  const redis = await startRedis(t)
  await redis.stop()
  const { env } = await externalStores(t)
  const service = await startService(t, { env: { ...env, REDIS_URL: redis.url } })
  const client = new HttpClient(service.url)
  t.teardown(() => client.close())
  t.match(await client.get('/readyz'), { status: 200, body: { status: 'degraded', degraded: ['redis'] } })
  const { status, body } = await client.post('/auth/register', { email: 'ann@example.com', password: PASSWORD })
  t.equal(status, 201)
  t.match(await client.get('/auth/verify', body.access_token), { status: 200 })
  t.match(service.output(), /Redis does not answer; starting without it/)

  await redis.restart()
  while ((await client.get('/readyz')).body.status !== 'ok') await sleep(20)
})

t.test('a start waits for a Postgres that becomes reachable a few seconds later', async t => {
  const { env } = await externalStores(t)
  const forwarder = await tcpForwarder(t, env.DATABASE_URL!)
  const starting = startService(t, { env: { ...env, DATABASE_URL: forwarder.url } })
  // Long enough for more than one attempt.
  await sleep(4000)
  await forwarder.open()
  const service = await starting
  t.match(service.output(), /Postgres at 127\.0\.0\.1:\d+\/test_\w+ cannot be reached .* Waiting for it, up to 10 s\./)
  t.equal(service.output().match(/Waiting/g)?.length, 1)
})

t.test('a signal ends a start that waits, also for the first process of a container', async t => {
  const { env } = await externalStores(t)
  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    const latchkey = spawnLatchkey({
      args: ['serve'],
      env: { ...env, DATABASE_URL: 'postgres://a@127.0.0.1:9/latchkey' },
    })
    await until(() => latchkey.stdout().includes('Waiting for it'))
    latchkey.child.kill(signal)
    // A process that a signal ends without a handler has no exit code, and the first process of a container goes on.
    t.equal(await latchkey.exited, code)
  }
})

t.test('a server that closes each connection after the first message ends the start', async t => {
  const closing = createServer(socket => {
    socket.on('error', () => {}).once('data', () => socket.end())
  }).listen(0, '127.0.0.1')
  t.teardown(() => closing.close())
  await once(closing, 'listening')
  let connections = 0
  closing.on('connection', () => connections++)
  const { port } = closing.address() as AddressInfo
  const { env } = await externalStores(t)
  const url = `postgres://latchkey@127.0.0.1:${port}/latchkey`
  const { code, stderr } = await runLatchkey(['serve'], { env: { ...env, DATABASE_URL: url, PORT: '0' } })
  t.equal(code, 1)
  t.match(stderr, /cannot be reached \(CONNECTION_CLOSED\): start it, or correct DATABASE_URL/)
  t.ok(connections < 500, `${connections} connections`)
})

t.test('/readyz stays 200 and fast while Postgres hangs', async t => {
  const { env } = await externalStores(t)
  const forwarder = await tcpForwarder(t, env.DATABASE_URL!)
  await forwarder.open()
  const service = await startService(t, { env: { ...env, DATABASE_URL: forwarder.url } })
  const client = new HttpClient(service.url)
  t.teardown(() => client.close())
  t.match(await client.get('/readyz'), { status: 200, body: { status: 'ok' } })

  forwarder.hang()
  for (let i = 0; i < 3; i++) {
    const startedAt = Date.now()
    t.match(await client.get('/readyz'), { status: 200, body: { status: 'degraded', degraded: ['postgres'] } })
    t.ok(Date.now() - startedAt < 3000, 'faster than the five seconds that a statement would wait')
  }
})
