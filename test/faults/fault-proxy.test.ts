import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startFaultProxy } from '../support/fault-proxy.js'
import { listen } from '../support/raw-request.js'

/** Starts a server that repeats what it receives, behind a fault proxy. */
async function startEcho(t: Test, say = (text: string) => text) {
  const heard: string[] = []
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.on('data', data => {
      heard.push(String(data))
      socket.write(say(String(data)))
    })
  })
  t.teardown(() => server.close())
  const port = await listen({
    listen: ({ host, port }) =>
      new Promise(resolve => {
        server.listen(port, host, () => resolve(`http://${host}:${(server.address() as { port: number }).port}`))
      }),
  })
  const target = `echo://user:word@127.0.0.1:${port}/path`
  return { heard, target, proxy: await startFaultProxy(t, { target }) }
}

async function open(t: Test, url: string) {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** Sends a text. Returns what comes back in time, or the code of an error, or `nothing`. */
async function ask(socket: Socket, text: string, withinMs = 100): Promise<string> {
  socket.write(text)
  const answer = once(socket, 'data').then(
    ([data]) => String(data),
    (error: NodeJS.ErrnoException) => error.code!,
  )
  return Promise.race([answer, sleep(withinMs, 'nothing')])
}

t.test('the fault proxy passes everything on, at an address that differs in the port only', async t => {
  const { proxy, target } = await startEcho(t)
  t.equal(new URL(proxy.url).pathname, '/path')
  t.equal(new URL(proxy.url).username, 'user')
  t.not(new URL(proxy.url).port, new URL(target).port)
  t.equal(await ask(await open(t, proxy.url), 'hello'), 'hello')
  t.equal(proxy.accepted, 1)
})

t.test('the fault proxy refuses connections, and accepts them again on the same port', async t => {
  const { proxy } = await startEcho(t)
  const socket = await open(t, proxy.url)
  const lost = once(socket, 'close').catch((error: NodeJS.ErrnoException) => error.code)
  await proxy.refuse()
  t.equal(await lost, 'ECONNRESET')
  await t.rejects(open(t, proxy.url), { code: 'ECONNREFUSED' })
  await proxy.heal()
  t.equal(await ask(await open(t, proxy.url), 'hello'), 'hello')
})

t.test('a black hole drops the data of old and new connections, which stay silent afterwards', async t => {
  const { proxy, heard } = await startEcho(t)
  const before = await open(t, proxy.url)
  t.equal(await ask(before, 'a'), 'a')
  proxy.blackHole()
  const during = await open(t, proxy.url)
  for (const socket of [before, during]) t.equal(await ask(socket, 'b'), 'nothing')
  await proxy.heal()
  for (const socket of [before, during]) t.equal(await ask(socket, 'c'), 'nothing')
  t.equal(await ask(await open(t, proxy.url), 'd'), 'd')
  t.strictSame(heard, ['a', 'd'])
})

t.test('a black hole in one direction passes data in the other', async t => {
  const { proxy, heard } = await startEcho(t)
  const socket = await open(t, proxy.url)
  proxy.blackHole('down')
  t.equal(await ask(socket, 'a'), 'nothing')
  t.equal(await ask(await open(t, proxy.url), 'b'), 'nothing')
  t.strictSame(heard, ['a', 'b'])
})

t.test('a delay of the fault proxy applies to each way and keeps the order', async t => {
  const { proxy } = await startEcho(t)
  const socket = await open(t, proxy.url)
  proxy.delay(50)
  const start = performance.now()
  t.equal(await ask(socket, 'a', 1000), 'a')
  t.ok(performance.now() - start >= 99)
  let answer = ''
  socket.on('data', data => {
    answer += data
  })
  for (const text of ['1', '2', '3']) {
    socket.write(text)
    await sleep(10)
  }
  await sleep(150)
  t.equal(answer, '123')
})

t.test('the fault proxy cuts a connection after a number of bytes, once', async t => {
  const { proxy, heard } = await startEcho(t, () => 'answer')
  proxy.cutAfter(3, 'down')
  const socket = await open(t, proxy.url)
  let answer = ''
  socket.on('data', data => {
    answer += data
  })
  socket.write('question')
  await once(socket, 'close').catch(() => {})
  t.ok('ans'.startsWith(answer), 'a reset may overtake data on its way')
  t.strictSame(heard, ['question'], 'the server has received it all the same')
  t.equal(await ask(await open(t, proxy.url), 'question'), 'answer')
})

t.test('the fault proxy cuts the connection on which a text passes, and no other', async t => {
  const { proxy } = await startEcho(t, text => `${text}, indeed`)
  const cut = proxy.cutAt('twice, indeed', 'down')
  const [other, socket] = [await open(t, proxy.url), await open(t, proxy.url)]
  t.equal(await ask(other, 'once'), 'once, indeed')
  t.equal(await ask(socket, 'twice'), 'ECONNRESET')
  await cut
  t.equal(await ask(other, 'twice'), 'twice, indeed')
})

t.test('the fault proxy leads new connections to a new target', async t => {
  const { proxy } = await startEcho(t)
  const other = await startEcho(t, () => 'the other')
  const socket = await open(t, proxy.url)
  proxy.retarget(other.target)
  t.equal(await ask(socket, 'a'), 'a', 'an open connection keeps its target')
  t.equal(await ask(await open(t, proxy.url), 'a'), 'the other')
  proxy.reset()
  t.match(await ask(socket, 'a'), /ECONNRESET|EPIPE/)
})

t.test('the fault proxy cuts every connection after some bytes, until it is healed', async t => {
  const { proxy } = await startEcho(t)
  const before = await open(t, proxy.url)
  t.equal(await ask(before, 'hello'), 'hello')
  proxy.cutEach(() => 4, 'down')
  for (const socket of [before, await open(t, proxy.url)]) {
    const over = once(socket, 'close').catch(() => {})
    t.equal(await ask(socket, 'you'), 'you')
    socket.write('two')
    await over
  }
  await proxy.heal()
  t.equal(await ask(await open(t, proxy.url), 'hello again'), 'hello again')
})
