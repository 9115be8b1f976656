import { connect } from 'node:net'
import t from 'tap'
import { fastifyOptions } from '../../src/server/fastify-options.js'
import { buildTestApp } from '../support/build-test-app.js'
import { listen, parseAnswer, rawRequest } from '../support/raw-request.js'
import { buildToyApp } from '../support/toy-app.js'

/** The same options with times that a test can wait for. */
const impatient = {
  http: { headersTimeout: 100, connectionsCheckingInterval: 20 },
  requestTimeout: 200,
  keepAliveTimeout: 5_000,
}

t.test('a request whose headers do not end is answered with 408', async t => {
  const { app } = await buildToyApp(t, { server: impatient })
  const port = await listen(app)
  const raw = await rawRequest(port, 'GET /thing/7 HTTP/1.1\r\nHost: localhost\r\nX-Slow:')
  t.match(parseAnswer(raw), { status: 408, body: { code: 'request_timeout' } })
})

t.test('a request whose body does not end is answered with 408', async t => {
  const { app } = await buildToyApp(t, { server: impatient })
  const port = await listen(app)
  const head = 'POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n'
  t.match(parseAnswer(await rawRequest(port, head, '{')), { status: 408, body: { code: 'request_timeout' } })
})

t.test('a connection that sends nothing is closed', async t => {
  const { app } = await buildToyApp(t, { server: impatient })
  const port = await listen(app)
  t.match(await rawRequest(port), /^(HTTP\/1.1 408|$)/)
})

t.test('a client that sends its headers byte by byte is disconnected', async t => {
  const { app } = await buildToyApp(t, { server: impatient })
  const port = await listen(app)
  const cut = await new Promise<boolean>(resolve => {
    const socket = connect(port, '127.0.0.1')
    const trickle = setInterval(() => socket.write('a'), 10)
    socket.write('GET /thing/7 HTTP/1.1\r\nX-Slow: ')
    socket.resume()
    socket.on('error', () => {})
    socket.on('close', () => {
      clearInterval(trickle)
      resolve(true)
    })
  })
  t.ok(cut)
})

t.test('the timeouts for headers and requests do not close an idle keep-alive connection', async t => {
  const { app } = await buildToyApp(t, { server: impatient })
  const port = await listen(app)
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  const ask = () =>
    new Promise<string>(resolve => {
      socket.once('data', data => resolve(String(data)))
      socket.write('GET /thing/7 HTTP/1.1\r\nHost: localhost\r\n\r\n')
    })
  t.match(await ask(), 'HTTP/1.1 200')
  // Real time is the subject here: longer than headersTimeout and requestTimeout above.
  await new Promise(resolve => setTimeout(resolve, 400))
  t.match(await ask(), 'HTTP/1.1 200')
})

t.test('the headers timeout is below the request timeout, and the keep-alive timeout above 60 s', async t => {
  const { http, requestTimeout, keepAliveTimeout } = fastifyOptions({
    trustProxy: [],
    publicOrigin: 'http://localhost',
    publicPath: '',
    keepAliveTimeoutMs: 72_000,
  })
  const headersTimeout = http!.headersTimeout!
  t.ok(headersTimeout > 0 && headersTimeout < requestTimeout!)
  t.ok(keepAliveTimeout! > 60_000)
  const { app } = await buildToyApp(t)
  const port = await listen(app)
  t.match([app.server.headersTimeout, app.server.requestTimeout], [headersTimeout, requestTimeout])
  const response = await fetch(`http://127.0.0.1:${port}/thing/7`)
  t.equal(response.headers.get('keep-alive'), 'timeout=72', 'the header tells the client')
})

t.test('KEEP_ALIVE_TIMEOUT sets for how long idle connections are kept open', async t => {
  const { app } = await buildTestApp(t, { KEEP_ALIVE_TIMEOUT: '620s' })
  const port = await listen(app)
  const response = await fetch(`http://127.0.0.1:${port}/livez`)
  t.equal(response.headers.get('keep-alive'), 'timeout=620')
})
