import t from 'tap'
import { listen, parseAnswer, rawRequest } from '../support/raw-request.js'
import { buildToyApp } from '../support/toy-app.js'

const head = (...headers: string[]) =>
  ['POST /echo HTTP/1.1', 'Host: localhost', 'Content-Type: application/json', ...headers, '', ''].join('\r\n')

t.test('a body whose Content-Length exceeds the limit is refused before it is sent', async t => {
  const { app } = await buildToyApp(t)
  const port = await listen(app)
  const { status, body, head: answered } = parseAnswer(await rawRequest(port, head('Content-Length: 10000000')))
  t.match({ status, code: body.code }, { status: 413, code: 'body_too_large' })
  t.match(answered, 'connection: close')
})

t.test('a chunked body is cut off at the limit', async t => {
  const { app } = await buildToyApp(t)
  const port = await listen(app)
  const chunk = `1000\r\n${'a'.repeat(4096)}\r\n`
  const raw = await rawRequest(port, head('Transfer-Encoding: chunked'), chunk, chunk)
  t.match(parseAnswer(raw), { status: 413, body: { code: 'body_too_large' } })
})

t.test('a body of exactly the limit is read; one byte more is refused', async t => {
  const { app } = await buildToyApp(t)
  const post = async (size: number) => {
    const payload = `{"email":"a"}${' '.repeat(size - 13)}`
    const headers = { 'content-type': 'application/json' }
    return (await app.inject({ method: 'POST', url: '/echo', headers, payload })).statusCode
  }
  t.equal(await post(4096), 200)
  t.equal(await post(4097), 413)
})

t.test('chunk extensions are limited in size', async t => {
  const { app } = await buildToyApp(t)
  const port = await listen(app)
  const raw = await rawRequest(port, head('Transfer-Encoding: chunked'), `1;${'a'.repeat(20_000)}\r\n`)
  t.match(parseAnswer(raw), { status: 413, body: { code: 'body_too_large' } })
})

t.test('headers over the parser limit are answered with 431', async t => {
  const { app } = await buildToyApp(t)
  const port = await listen(app)
  const raw = await rawRequest(port, `GET /thing/7 HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`)
  const { status, body, head: answered } = parseAnswer(raw)
  t.match({ status, code: body.code }, { status: 431, code: 'headers_too_large' })
  t.match(answered, 'application/problem+json')
})

t.test('fifty connections refused for their body do not block other requests', async t => {
  const { app } = await buildToyApp(t)
  const port = await listen(app)
  const floods = Array.from({ length: 50 }, () =>
    rawRequest(port, head('Content-Length: 10000000'), 'a'.repeat(60_000)),
  )
  t.equal((await fetch(`http://127.0.0.1:${port}/thing/7`)).status, 200)
  await Promise.all(floods)
})
