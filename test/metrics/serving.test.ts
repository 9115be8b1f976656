import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import t from 'tap'
import { externalStores } from '../support/external-stores.js'
import { findFreePort } from '../support/free-port.js'
import { runLatchkey } from '../support/run-latchkey.js'
import { startService } from '../support/service-process.js'
import { readSamples } from './samples.js'

t.test('the metrics are on a port of their own, and only there', async t => {
  const { env } = await externalStores(t)
  const port = await findFreePort()
  const service = await startService(t, { env: { ...env, METRICS_PORT: String(port) } })
  const url = `http://127.0.0.1:${port}/metrics`
  const answer = await fetch(url)
  t.equal(answer.status, 200)
  t.match(answer.headers.get('content-type'), /^text\/plain; version=0\.0\.4/)
  const samples = readSamples(await answer.text())
  t.equal(samples.sumOf('latchkey_ready'), 1)
  t.ok(samples.sumOf('latchkey_http_request_duration_seconds_count', { route: '/readyz' })! > 0)

  const head = await fetch(url, { method: 'HEAD' })
  t.equal(head.status, 200)
  t.equal(await head.text(), '')
  t.equal((await fetch(url, { method: 'POST' })).status, 405)
  t.equal((await fetch(`http://127.0.0.1:${port}/readyz`)).status, 404)
  t.equal((await fetch(`${service.url}/metrics`)).status, 404, 'not on the public port')

  // A monitoring that never reads its answer, and one that sends nonsense.
  const slow = connect(port, '127.0.0.1')
  slow.pause()
  slow.write('GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(50))
  const nonsense = connect(port, '127.0.0.1')
  nonsense.resume()
  nonsense.write('\0\0\0\r\n\r\n')
  await once(nonsense, 'close')
  t.equal((await fetch(`${service.url}/livez`)).status, 200)
  t.equal((await fetch(url)).status, 200)
  t.equal(await service.stop('SIGINT'), 0, 'a scrape in progress does not keep the service from stopping')
  slow.destroy()
})

t.test('a start says which variable is wrong if the port of the metrics cannot be used', async t => {
  const { env } = await externalStores(t)
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as { port: number }
  const free = String(await findFreePort())
  const cases: { env: NodeJS.ProcessEnv; says: RegExp }[] = [
    {
      env: { METRICS_PORT: String(port) },
      says: new RegExp(`Port ${port} of 127.0.0.1 is in use: .* set METRICS_PORT to another port`),
    },
    {
      env: { METRICS_PORT: free, METRICS_HOST: '203.0.113.7' },
      says: /203\.0\.113\.7 is not an address of this machine: correct METRICS_HOST/,
    },
    { env: { METRICS_PORT: '3111', PORT: '3111' }, says: /METRICS_PORT must not be PORT/ },
    { env: { METRICS_PORT: 'all' }, says: /METRICS_PORT/ },
  ]
  await Promise.all(
    cases.map(async ({ env: given, says }) => {
      const ended = await runLatchkey(['serve'], { env: { ...env, PORT: String(await findFreePort()), ...given } })
      t.not(ended.code, 0)
      t.match(ended.stdout + ended.stderr, says)
    }),
  )
})
