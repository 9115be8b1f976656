import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { reasonOf } from '../../src/domain/deliveries/sender.js'
import { allowedAddresses } from '../../src/lib/allowed-addresses.js'
import { createPoster, type Poster } from '../../src/lib/post.js'
import { until } from '../support/eventually.js'
import { makeCertificate, skipWithoutOpenssl } from '../support/servers/redis-tls.js'

const LOOPBACK = ['127.0.0.0/8', '::1/128']

function openPoster(t: Test, addresses = allowedAddresses(LOOPBACK)): Poster {
  const poster = createPoster(addresses)
  t.teardown(() => poster.close())
  return poster
}

const requestTo = (url: string) => ({ url: new URL(url), headers: {}, body: '{}', timeoutMs: 300 })

async function listening(t: Test, server: Server | ReturnType<typeof createTcpServer>): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

/** A server that does something with each connection after the request has arrived. */
async function tcpServer(t: Test, answer: (socket: Socket, request: number) => void) {
  const open = new Set<Socket>()
  let requests = 0
  let connections = 0
  const server = createTcpServer(socket => {
    connections++
    open.add(socket)
    socket.on('data', () => answer(socket, ++requests))
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
  })
  const port = await listening(t, server)
  t.teardown(() => {
    for (const socket of open) socket.destroy()
  })
  return {
    url: `http://127.0.0.1:${port}/`,
    port,
    counts: () => ({ requests, connections }),
    allClosed: () => until(() => open.size === 0, 'every connection is closed'),
  }
}

/** Writes the same bytes again and again, until the other side closes the connection. */
function repeatedly(socket: Socket, bytes: string): void {
  const timer = setInterval(() => socket.write(bytes), 20)
  socket.on('close', () => clearInterval(timer))
}

t.test('a receiver that sends its headers for ever has the time of the request, and loses its connection', async t => {
  const server = await tcpServer(t, socket => {
    socket.write('HTTP/1.1 200 OK\r\n')
    repeatedly(socket, 'x: y\r\n')
  })
  await t.rejects(openPoster(t).post(requestTo(server.url)), /^no answer within 0.3 seconds$|no answer/)
  await server.allClosed()
})

t.test('headers that are too long are refused', async t => {
  const server = await tcpServer(t, socket => {
    socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`)
  })
  await t.rejects(openPoster(t).post(requestTo(server.url)), /Header overflow/)
  await server.allClosed()
})

t.test('a body without end is read up to the limit, and its status counts', async t => {
  const server = await tcpServer(t, socket => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n')
    repeatedly(socket, 'x'.repeat(1000))
  })
  const { status, body } = await openPoster(t).post({ ...requestTo(server.url), maxAnswerBytes: 5000 })
  t.same([status, body.length], [200, 5000])
  await server.allClosed()
})

t.test('a body that trickles or stalls does not keep the answer waiting for ever, and its status counts', async t => {
  const server = await tcpServer(t, (socket, request) => {
    socket.write('HTTP/1.1 202 OK\r\ncontent-length: 1000\r\n\r\nx')
    if (request === 1) repeatedly(socket, 'x')
  })
  const poster = openPoster(t)
  const answers = await Promise.all([poster.post(requestTo(server.url)), poster.post(requestTo(server.url))])
  t.match(answers, [{ status: 202 }, { status: 202 }])
  await server.allClosed()
})

t.test('the status counts if the body breaks off', async t => {
  const server = await tcpServer(t, socket => {
    socket.end('HTTP/1.1 201 Created\r\ncontent-length: 1000\r\n\r\nx')
  })
  t.match(await openPoster(t).post(requestTo(server.url)), { status: 201, body: Buffer.from('x') })
})

t.test('a server that speaks no HTTP, or wants another protocol, has not answered', async t => {
  const upgrade = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'
  for (const text of ['220 mail.example ESMTP\r\n', upgrade]) {
    const server = await tcpServer(t, socket => socket.write(text))
    await t.rejects(openPoster(t).post(requestTo(server.url)), /Parse Error|101 Switching Protocols/)
    await server.allClosed()
  }
})

t.test('a TLS handshake without end has the time of the request', async t => {
  const server = await tcpServer(t, () => {})
  await t.rejects(openPoster(t).post(requestTo(`https://127.0.0.1:${server.port}/`)), /no answer/)
  await server.allClosed()
})

t.test('a certificate that nobody vouches for is named', { skip: skipWithoutOpenssl }, async t => {
  const files = await makeCertificate(t)
  const [cert, key] = await Promise.all([readFile(files.cert), readFile(files.key)])
  const port = await listening(
    t,
    createTlsServer({ cert, key }, (_request, response) => response.end()),
  )
  const sent = openPoster(t).post(requestTo(`https://127.0.0.1:${port}/`))
  const error = await sent.catch(reasonOf)
  t.equal(error, 'self-signed certificate')
})

t.test('the reason can be stored, whatever the error says', t => {
  t.equal(reasonOf(new Error(`altnames:\0\n${'x'.repeat(1000)}`)).length, 300)
  t.equal(reasonOf(new Error('a\0\r\nb')), 'a b')
  const both = [new Error('connect ECONNREFUSED ::1:80'), new Error('connect ECONNREFUSED 127.0.0.1:80')]
  t.equal(reasonOf(new AggregateError(both)), 'connect ECONNREFUSED ::1:80; connect ECONNREFUSED 127.0.0.1:80')
  t.equal(reasonOf(Object.assign(new Error(''), { code: 'EPIPE' })), 'EPIPE')
  t.end()
})

t.test('what is stopped has no answer', async t => {
  const server = await tcpServer(t, () => {})
  const stopping = new AbortController()
  const sent = openPoster(t).post({ ...requestTo(server.url), timeoutMs: 60_000, signal: stopping.signal })
  await until(() => server.counts().requests === 1)
  stopping.abort()
  await t.rejects(sent, { name: 'AbortError' })
  await server.allClosed()
})

t.test('a request on a kept connection that was just closed is sent again on a new one', async t => {
  const server = await tcpServer(t, (socket, request) => {
    if (request === 2) socket.destroy()
    else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
  })
  const poster = openPoster(t)
  t.match(await poster.post(requestTo(server.url)), { status: 200 })
  t.match(await poster.post(requestTo(server.url)), { status: 200 })
  t.same(server.counts(), { requests: 3, connections: 2 })
})

t.test('of several kept connections that were all closed, none is used for the second attempt', async t => {
  let areGone = false
  const waiting: Socket[] = []
  const isOld = new Set<Socket>()
  const server = await tcpServer(t, socket => {
    const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'
    if (isOld.has(socket)) return void socket.destroy()
    if (areGone) return void socket.write(answer)
    waiting.push(socket)
    // Answered together, so that both connections are kept.
    if (waiting.length === 2) for (const each of waiting) each.write(answer)
  })
  const poster = openPoster(t)
  await Promise.all([poster.post(requestTo(server.url)), poster.post(requestTo(server.url))])
  for (const socket of waiting) isOld.add(socket)
  areGone = true
  t.match(await poster.post(requestTo(server.url)), { status: 200 })
  t.equal(server.counts().connections, 3)
})

t.test('a request on a new connection that is closed is not sent again', async t => {
  const server = await tcpServer(t, socket => socket.destroy())
  await t.rejects(openPoster(t).post(requestTo(server.url)), { code: 'ECONNRESET' })
  t.same(server.counts(), { requests: 1, connections: 1 })
})

t.test('a name that is never found has the time of the request, and is looked up once at a time', async t => {
  const asked: string[] = []
  const poster = openPoster(
    t,
    allowedAddresses(LOOPBACK, host => {
      asked.push(host)
    }),
  )
  const send = () => poster.post(requestTo('https://hooks.example/'))
  await Promise.all([t.rejects(send(), /no answer/), t.rejects(send(), /no answer/)])
  await t.rejects(send(), /no answer/)
  t.same(asked, ['hooks.example'])
})

t.test('a DNS server that is silent holds up no other name, and never more than two threads', async t => {
  const http = createServer((_request, response) => response.end())
  const port = await listening(t, http)
  const silent = new Set<string>()
  let most = 0
  const addresses = allowedAddresses(
    LOOPBACK,
    (host, _options, done) => {
      if (!host.startsWith('silent')) return done(null, [{ address: '127.0.0.1', family: 4 }])
      silent.add(host)
      most = Math.max(most, silent.size)
    },
    20,
  )
  const poster = openPoster(t, addresses)
  const send = (name: string, timeoutMs: number) =>
    poster.post({ ...requestTo(`http://${name}.example:${port}/`), timeoutMs })
  await t.rejects(send('silent-1', 100), /no answer/)
  t.match(await send('fine', 5000), { status: 200 })
  // The second one keeps the first line, because the second line is taken.
  await t.rejects(send('silent-2', 100), /no answer/)
  await Promise.all(['silent-3', 'silent-4', 'silent-1'].map(name => t.rejects(send(name, 100), /no answer/)))
  t.equal(most, 2)
})

t.test('a slow name still gets its request', async t => {
  const http = createServer((_request, response) => response.end())
  const port = await listening(t, http)
  const asked: (() => void)[] = []
  const addresses = allowedAddresses(
    LOOPBACK,
    (_host, _options, done) => void asked.push(() => done(null, [{ address: '127.0.0.1', family: 4 }])),
    20,
  )
  const poster = openPoster(t, addresses)
  const send = (name: string) => poster.post({ ...requestTo(`http://${name}.example:${port}/`), timeoutMs: 5000 })
  const [slow, next] = [send('slow'), send('next')]
  await until(() => asked.length === 2, 'the next name is asked for while the slow one waits')
  asked[1]!()
  t.match(await next, { status: 200 })
  asked[0]!()
  t.match(await slow, { status: 200 })
})

t.test('after a lookup that failed the next request looks again', async t => {
  let fails = true
  const http = createServer((_request, response) => response.end())
  const port = await listening(t, http)
  const poster = openPoster(
    t,
    allowedAddresses(LOOPBACK, (_host, _options, done) => {
      if (fails) done(Object.assign(new Error('getaddrinfo EAI_AGAIN'), { code: 'EAI_AGAIN' }), [])
      else done(null, [{ address: '127.0.0.1', family: 4 }])
    }),
  )
  await t.rejects(poster.post(requestTo(`http://hooks.example:${port}/`)), /EAI_AGAIN/)
  fails = false
  t.match(await poster.post(requestTo(`http://hooks.example:${port}/`)), { status: 200 })
})

t.test('a name with a public and a private address gets nothing', async t => {
  const server = await tcpServer(t, () => {})
  for (const found of [
    ['203.0.114.1', '127.0.0.1'],
    ['127.0.0.1', '203.0.114.1'],
    ['2606:4700::1', '::ffff:127.0.0.1'],
    ['fe80::1%eth0', '203.0.114.1'],
  ]) {
    const addresses = allowedAddresses([], (_host, _options, done) =>
      done(
        null,
        found.map(address => ({ address, family: address.includes(':') ? 6 : 4 })),
      ),
    )
    const send = openPoster(t, addresses).post(requestTo(`https://hooks.example:${server.port}/`))
    await t.rejects(send, { name: 'RefusedAddressError', message: /^hooks\.example has the address .* private/ })
  }
  t.equal(server.counts().connections, 0)
})

t.test('only public addresses are allowed, in every form of an address', t => {
  const { check } = allowedAddresses([])
  const refused = [
    ...['0.0.0.0', '10.1.2.3', '100.64.0.1', '127.0.0.1', '169.254.169.254', '172.31.0.1', '192.168.0.1'],
    ...['198.18.0.1', '224.0.0.1', '240.0.0.1', '255.255.255.255', '0x7f.1', '017700000001', '127.1'],
    ...['[::]', '[::1]', '[::127.0.0.1]', '[::ffff:10.0.0.1]', '[::ffff:a00:1]', '[::ffff:0:7f00:1]'],
    ...['[64:ff9b::a00:1]', '[64:ff9b:1::a00:1]', '[2002:a00:1::]', '[2001:0:a00:1::]', '[2001:db8::1]'],
    ...['[fc00::1]', '[fd12::1]', '[fe80::1]', '[fec0::1]', '[ff02::1]', '[100::1]', '[4000::1]'],
  ]
  for (const host of refused)
    t.throws(() => check(new URL(`https://${host}/`)), { name: 'RefusedAddressError' }, `${host} is refused`)
  for (const host of ['93.184.216.34', '[2606:2800:220:1::1]', '[2a00:1450::1]', 'hooks.example'])
    t.doesNotThrow(() => check(new URL(`https://${host}/`)), host)
  t.throws(() => check(new URL('http://93.184.216.34/')), /must begin with https/)
  t.throws(() => check(new URL('http://[2a00:1450::1]/')), /must begin with https/)
  t.end()
})

t.test('many requests without an answer do not keep others to the same server waiting', async t => {
  const { url } = await tcpServer(t, (socket, request) => {
    if (request > 40) socket.end('HTTP/1.1 204 No Content\r\n\r\n')
  })
  const poster = openPoster(t)
  const slow = Array.from({ length: 40 }, () => poster.post({ ...requestTo(url), timeoutMs: 3000 }).catch(() => {}))
  t.equal((await poster.post({ ...requestTo(url), timeoutMs: 1500 })).status, 204)
  poster.close()
  await Promise.all(slow)
})
