import t from 'tap'
import { listen, parseAnswer, rawRequest } from '../support/raw-request.js'
import { buildToyApp } from '../support/toy-app.js'

const get = (...headers: string[]) => ['GET /thing/7 HTTP/1.1', ...headers, 'Connection: close', '', ''].join('\r\n')

t.test('a duplicated header that a gateway could read differently is refused in any letter case', async t => {
  const { app } = await buildToyApp(t)
  const port = await listen(app)
  for (const [first, second] of [
    ['Host: localhost', 'host: evil.example'],
    ['Authorization: Bearer a', 'authorization: Bearer b'],
    ['Origin: https://auth.example.com', 'ORIGIN: https://evil.example'],
    ['Cookie: __Host-latchkey=a', 'cookie: __Host-latchkey=b'],
    ['Cookie: a=1', 'cookie: b=2'],
    ['Content-Type: application/json', 'Content-Type: text/plain'],
  ] as const) {
    const host = first.startsWith('Host') ? [] : ['Host: localhost']
    const { status, body } = parseAnswer(await rawRequest(port, get(...host, first, second)))
    t.match({ status, code: body.code }, { status: 400, code: 'ambiguous_request' }, `${first}, ${second}`)
  }
  t.equal(parseAnswer(await rawRequest(port, get('Host: localhost', 'Cookie: __Host-latchkey=a'))).status, 200)
})

t.test('a request with ambiguous framing never reaches a route, and its connection is closed', async t => {
  const { app, lines } = await buildToyApp(t)
  const port = await listen(app)
  const smuggled = 'GET /thing/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n'
  const framings = [
    ['Content-Length: 2', 'Content-Length: 3'],
    ['Content-Length: 2', 'Transfer-Encoding: chunked'],
    ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'],
    ['Transfer-Encoding: xchunked'],
    ['Content-Length: +2'],
    ['Content-Length : 2'],
    ['Content-Length: 2\n X: 1'],
  ]
  for (const framing of framings) {
    const head = ['POST /echo HTTP/1.1', 'Host: localhost', 'Content-Type: application/json', ...framing]
    const raw = await rawRequest(port, `${head.join('\r\n')}\r\n\r\n{}${smuggled}`)
    const { status, body, head: answered } = parseAnswer(raw)
    t.match({ status, code: body.code }, { status: 400, code: 'invalid_request' }, framing.join(', '))
    t.match(answered, 'application/problem+json')
    t.match(answered, 'connection: close')
  }
  t.notMatch(lines.join(), 'smuggled')
})

t.test('input that is not HTTP is answered with 400', async t => {
  const { app } = await buildToyApp(t)
  const port = await listen(app)
  for (const garbage of ['hello\r\n\r\n', '\x16\x03\x01\x02\x00\r\n\r\n', 'GET /thing/7 HTTP/9.9\r\n\r\n']) {
    t.equal(parseAnswer(await rawRequest(port, garbage)).status, 400)
  }
  t.equal((await app.inject('/thing/7')).statusCode, 200, 'the service still answers')
})
