import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import t, { type Test } from 'tap'
import { startBeforeEdges, startEdges } from '../support/gateways/before-edges.js'
import { startEchoService } from '../support/gateways/echo-service.js'
import { overWebSocket } from '../support/gateways/over-web-socket.js'
import { parseAnswer, rawRequest } from '../support/raw-request.js'
import { startToyIssuer } from '../verifier/toy-issuer.js'

// Requests of attackers to `latchkey edge` behind real gateways as deploy/gateways configures them.

const toy = await startToyIssuer(t)
const orders = await startEchoService(t)
const token = toy.token({ sub: 'ada', sid: 'a-session', roles: ['support'] })
const BEARER = `Authorization: Bearer ${token}\r\n`
/** Every character that a name of a header can have, except letters, digits and the hyphen. */
const SEPARATORS = "!#$%&'*+.^_`|~"

const edges = await startEdges(t, toy)

for (const name of ['nginx', 'haproxy', 'caddy'] as const) {
  t.test(`${name}, hostile requests`, async t => {
    const { client, port } = await startBeforeEdges(t, name, { toy, edges, orders })
    const ask = async (lines: string, line = 'GET /orders/1 HTTP/1.1', body = '') =>
      parseAnswer(
        unchunked(await rawRequest(port, `${line}\r\nHost: example.com\r\nConnection: close\r\n${lines}\r\n${body}`)),
      )
    const identity = (headers: unknown) =>
      Object.entries(headers as Record<string, string>)
        .filter(([header, value]) => /^x[^a-z0-9]auth/.test(header) && value !== '')
        .map(([header, value]) => `${header}: ${value}`)
        .sort()
    const ADA = ['x-auth-roles: support', 'x-auth-session: a-session', 'x-auth-subject: ada']

    t.test('any number of headers gets an answer, and the gateway works on', async t => {
      for (const count of [40, 80, 95, 96, 97, 98, 99, 100, 101, 120, 500])
        for (const header of ['X-Header-', 'Cookie', 'Origin', 'Sec-Fetch-Site']) {
          const lines = Array.from({ length: count }, (_, i) => `${header}${header.endsWith('-') ? i : ''}: a=1\r\n`)
          const { status } = await ask(lines.join(''), 'GET /assets/a HTTP/1.1')
          t.ok([200, 400, 431].includes(status), `${count} of ${header}: ${status}`)
        }
      for (const path of [20_000, 31_000, 40_000, 62_000, 64_000])
        for (const cookie of [0, 1000, 31_000]) {
          const line = `GET /assets/${'x'.repeat(path)} HTTP/1.1`
          const { status } = await ask(cookie === 0 ? '' : `Cookie: a=${'y'.repeat(cookie)}\r\n`, line)
          t.ok([200, 400, 414, 431].includes(status), `a path of ${path} and a cookie of ${cookie}: ${status}`)
        }
      t.equal((await ask(BEARER)).status, 200)
    })

    t.test('a repeated Authorization is refused', async t => {
      t.match((await ask(BEARER + BEARER)).status, /^40[01]$/)
      t.match((await ask(`${BEARER}Authorization: Bearer x\r\n`)).status, /^40[01]$/)
      t.match((await ask(`Authorization: Bearer x\r\n${BEARER}`)).status, /^40[01]$/)
    })

    t.test('cookies in several headers all reach the edge and the service, except those of Latchkey', async t => {
      const { status, body } = await ask(`${BEARER}Cookie: a=1\r\nCookie: __Host-latchkey=r; b=2\r\n`)
      t.equal(status, 200)
      t.match((body.headers as { cookie: string }).cookie, /^a=1; ?b=2$/)
    })

    t.test('no spelling of X-Auth-* reaches the service', async t => {
      const all = [...SEPARATORS, '-']
      const spellings = all.flatMap(one => all.map(two => `X${one}Auth${two}`))
      for (let from = 0; from < spellings.length; from += 25) {
        const lines = spellings.slice(from, from + 25).map(spelling => `${spelling}Roles: admin\r\n`)
        t.same(identity((await ask(BEARER + lines.join(''))).body.headers), ADA)
      }
      if (name !== 'nginx') t.same(identity((await ask(`${BEARER}X-Auth-Anything: a\r\n`)).body.headers), ADA)
      const proxies = ['User', 'Email', 'Groups', 'Preferred-Username'].map(end => `X-Auth-Request-${end}: root\r\n`)
      t.same(identity((await ask(BEARER + proxies.join(''))).body.headers), ADA)
    })

    t.test('a client cannot take our headers away with Connection', async t => {
      for (const connection of [
        'close, X-Auth-Subject, X-Auth-Session, X-Auth-Roles',
        'X-Auth-Roles',
        'close, Cookie',
      ]) {
        const { status, body } = await ask(`Connection: ${connection}\r\n${BEARER}`)
        t.equal(status, 200)
        t.same(identity(body.headers), ADA, connection)
        t.notMatch((body.headers as { connection?: string }).connection ?? '', /x-auth/i)
      }
      const upgrade = { authorization: `Bearer ${token}`, connection: 'Upgrade, X-Auth-Subject, X-Auth-Roles' }
      const [request] = (await overWebSocket(`${client.url}/orders/live`, upgrade)) as string[]
      t.same(identity(JSON.parse(request!).headers), ADA)
    })

    t.test('a request that is wrong gets an answer with a status of the client', async t => {
      const wrong = [`X-Header: a\u0001b\r\n`, `X-Header: ${'x'.repeat(31_000)}\r\n`.repeat(3)]
      for (const lines of wrong) t.match((await ask(lines)).status, /^4\d\d$/)
      const old = async (lines: string) =>
        parseAnswer(unchunked(await rawRequest(port, `GET /orders/1 HTTP/1.0\r\n${lines}\r\n`)))
      t.equal((await old('')).status, 401, 'HTTP/1.0 without Host')
      t.equal((await old(BEARER)).status, 200, 'HTTP/1.0 without Host')
    })

    t.test('a refusal does not wait for the body of the request', async t => {
      const answer = await firstAnswer(port, `POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n`)
      t.match(parseAnswer(unchunked(answer)), { status: 401, head: /problem\+json/ })
      t.equal(answer.match(/^www-authenticate:/gim)?.length, 1)
      t.match(answer, /"code":"authentication_required"/)
    })
  })

  t.test(`${name} upgrades only WebSockets`, async t => {
    const upstream = await startUpgradingService(t)
    const { port } = await startBeforeEdges(t, name, { toy, edges, orders: upstream.port })
    for (const upgrade of [
      'h2c',
      'HTTP/2.0',
      'anything',
      'websocket, h2c',
      'h2c, websocket',
      'h2c\r\nUpgrade: websocket',
      'websocket\r\nUpgrade: h2c',
    ])
      for (const connection of ['Upgrade, HTTP2-Settings', 'close, Upgrade', 'upgrade']) {
        const head = `GET /assets/a HTTP/1.1\r\nHost: a\r\nConnection: ${connection}\r\nUpgrade: ${upgrade}\r\nHTTP2-Settings: AAAA\r\n\r\n`
        await firstAnswer(port, head)
        t.notMatch(upstream.received.join('\n'), /^upgrade:.*(h2c|HTTP|anything)/im, `${upgrade} with ${connection}`)
      }
    t.ok(upstream.received.length >= 12, 'the requests themselves arrive')
    const websocket =
      'GET /assets/a HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
    await firstAnswer(port, websocket)
    t.match(upstream.received.at(-1), /^upgrade: websocket\r$/im)
  })
}

/** A service that accepts every upgrade that it is asked for; with the heads of the requests that it received. */
async function startUpgradingService(t: Test): Promise<{ port: number; received: string[] }> {
  const received: string[] = []
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.on('data', data => {
      received.push(data.toString('latin1'))
      const upgrade = /^upgrade: *(.*)\r$/im.exec(received.at(-1)!)?.[1]
      socket.write(
        upgrade === undefined
          ? 'HTTP/1.1 204 No Content\r\n\r\n'
          : `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n\r\n`,
      )
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { port: (server.address() as { port: number }).port, received }
}

/** What comes back first, without an end of the request or of the connection. */
async function firstAnswer(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  socket.write(text, 'latin1')
  let answer = ''
  for await (const data of socket) {
    answer += data
    const [head, body] = answer.split('\r\n\r\n')
    if (body || (body !== undefined && !/problem/.test(head!))) break
  }
  socket.destroy()
  return answer
}

/** An answer without its chunks, and without a body that is not JSON. */
function unchunked(raw: string): string {
  const [head = '', ...rest] = raw.split('\r\n\r\n')
  const body = rest.join('\r\n\r\n')
  const json = /[{].*[}]/s.exec(body)?.[0].replace(/\r\n[0-9a-f]+\r\n/g, '') ?? ''
  return `${head}\r\n\r\n${/content-type: application\/.*json/i.test(head) ? json : ''}`
}
