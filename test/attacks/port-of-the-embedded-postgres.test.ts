import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { waitUntilReady } from '../../src/embedded-postgres/launch.js'
import { connectToRunning } from '../../src/embedded-postgres/postmaster.js'
import { identifyProcess } from '../../src/embedded-postgres/process-lock.js'
import { startEmbeddedPostgres } from '../../src/embedded-postgres/start.js'
import { makeFolder } from '../support/servers/embedded-fixture.js'
import { quietLog } from '../support/servers/quiet-log.js'

// Any local user can read the port in the server's command line, and can listen on it before the server does, or after
// it has ended. A client sends the password to a server that asks for it in plain text.

t.test('a program that takes the port before the embedded Postgres does not get the password', async t => {
  const thief = await takePort(t)
  const data = t.testdir()
  // Half a second is as long as a real server takes to start, or to find that the port is taken.
  const server = spawn('sleep', ['0.5'])
  const url = `postgres://latchkey:canary-password@127.0.0.1:${thief.port}/latchkey`
  // An earlier server with the same folder and port left this file.
  await writeFile(join(data, 'postmaster.pid'), `1\n${data}\n1\n${thief.port}\n\n127.0.0.1\n 0 0\nready   \n`)
  await t.rejects(waitUntilReady(server, data, url), /it ended with code 0/)
  t.equal(thief.heard(), '')
})

t.test('a program that takes the port after the embedded Postgres ended gets no password from a command', async t => {
  const thief = await takePort(t)
  const dataDir = await makeFolder(t)
  const { stop } = await startEmbeddedPostgres({ dataDir, log: quietLog() })
  await stop()
  const file = join(dataDir, 'postgres/data/postmaster.pid')
  // A killed Postgres leaves this file, and the system gives its pid to another program.
  const bystander = spawn('sleep', ['60'])
  t.teardown(() => bystander.kill())
  await once(bystander, 'spawn')
  await writeFile(file, `${bystander.pid}\n/\n1\n${thief.port}\n\n127.0.0.1\n 0 0\nready   \n`)

  t.ok(identifyProcess(bystander.pid!))
  const looking = connectToRunning(dataDir)
  t.equal(await Promise.race([looking, after('a moment')]), 'a moment', 'the command keeps looking')
  // It finds the server that starts next.
  const next = await startEmbeddedPostgres({ dataDir, log: quietLog() })
  t.teardown(next.stop)
  t.equal(await looking, next.url)
  t.match(await readFile(file, 'utf8'), new URL(next.url).port)
})

function after<T>(value: T): Promise<T> {
  return new Promise(resolve => setTimeout(resolve, 200, value))
}

/** A server that asks for passwords in plain text, as Postgres can. */
async function takePort(t: Test) {
  let heard = ''
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.on('data', data => {
      heard += data.toString('latin1')
      socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]))
    })
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, heard: () => heard }
}
