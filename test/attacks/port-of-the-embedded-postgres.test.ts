import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { connectToRunning } from '../../src/stores/embedded/connect-to-running.js'
import { identifyProcess } from '../../src/stores/embedded/process-identity.js'
import { startEmbeddedPostgres } from '../../src/stores/embedded/start-embedded-postgres.js'
import { waitUntilReady } from '../../src/stores/embedded/wait-until-ready.js'
import { makeFolder } from '../support/servers/embedded-fixture.js'
import { quietLog } from '../support/servers/quiet-log.js'

// Everybody can read the port in the server's command line, and can listen there until the server itself does, or after
// it has ended. A client tells the password to a server that asks for it in plain text.

t.test('a program that was faster to take the port is not told the password', async t => {
  const thief = await takePort(t)
  const data = t.testdir()
  // Half a second is as long as a real one takes to start, or to find that it can't have the port.
  const server = spawn('sleep', ['0.5'])
  const url = `postgres://latchkey:canary-password@127.0.0.1:${thief.port}/latchkey`
  // What an earlier server on the same folder and port has left.
  await writeFile(join(data, 'postmaster.pid'), `1\n${data}\n1\n${thief.port}\n\n127.0.0.1\n 0 0\nready   \n`)
  await t.rejects(waitUntilReady(server, data, url), /it ended with code 0/)
  t.equal(thief.heard(), '')
})

t.test('nor is one that took it after Postgres had ended, by a command that looks for the service', async t => {
  const thief = await takePort(t)
  const dataDir = await makeFolder(t)
  const { stop } = await startEmbeddedPostgres({ dataDir, log: quietLog() })
  await stop()
  const file = join(dataDir, 'postgres/data/postmaster.pid')
  // Killed, Postgres leaves this file, and its pid is given to another program.
  const bystander = spawn('sleep', ['60'])
  t.teardown(() => bystander.kill())
  await once(bystander, 'spawn')
  await writeFile(file, `${bystander.pid}\n/\n1\n${thief.port}\n\n127.0.0.1\n 0 0\nready   \n`)

  t.ok(identifyProcess(bystander.pid!))
  const looking = connectToRunning(dataDir)
  t.equal(await Promise.race([looking, after('a moment')]), 'a moment', 'it goes on looking')
  // And finds the one that starts meanwhile.
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
