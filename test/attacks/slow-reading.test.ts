import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { listen } from '../support/raw-request.js'
import { buildToyApp } from '../support/toy-app.js'

/** More than the buffers of both ends hold. */
const LARGE = 'a'.repeat(64_000_000)

async function ask(t: Test, timeoutMs: number) {
  const { app } = await buildToyApp(t, {
    timeoutMs,
    routes: app => {
      app.get('/large', async () => LARGE)
    },
  })
  const socket = connect(await listen(app), '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.on('error', () => {})
  const connections = () => new Promise(resolve => app.server.getConnections((_error, count) => resolve(count)))
  socket.write('GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n')
  return { socket, connections }
}

t.test('a client that does not read its response is disconnected', async t => {
  const { socket, connections } = await ask(t, 200)
  socket.pause()
  while ((await connections()) === 0) await sleep(10)
  for (let look = 0; look < 200 && (await connections()) !== 0; look++) await sleep(50)
  t.equal(await connections(), 0)
})

t.test('a client that reads its response slowly gets all of it', async t => {
  const { socket } = await ask(t, 1000)
  let bytes = 0
  for await (const chunk of socket) {
    bytes += (chunk as Buffer).length
    if (bytes % 50 === 0) await sleep(1)
    if (bytes >= LARGE.length) break
  }
  t.ok(bytes >= LARGE.length)
})
