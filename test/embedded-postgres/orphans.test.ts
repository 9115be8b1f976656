import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { commandLine, identifyProcess, stillRuns } from '../../src/embedded-postgres/process-lock.js'
import { startEmbeddedPostgres } from '../../src/embedded-postgres/start.js'
import { childrenOf } from '../support/controlled-postgres.js'
import { ended, makeFolder, postgresOf, spawnEmbedded } from '../support/servers/embedded-fixture.js'
import { query } from '../support/servers/query.js'
import { quietLog } from '../support/servers/quiet-log.js'

t.test('Ctrl-C shuts the embedded Postgres down cleanly and leaves no process', async t => {
  const dataDir = join(await makeFolder(t), '.latchkey')
  const owner = spawnEmbedded(t, dataDir)
  await owner.said
  const server = await postgresOf(join(dataDir, 'postgres'))
  process.kill(-owner.pid, 'SIGINT')
  t.equal(await owner.exited, 0)
  t.notOk(stillRuns(server))
  t.match(await readFile(join(dataDir, 'postgres.log'), 'utf8'), 'database system is shut down')
})

t.test('the embedded Postgres ends by itself after SIGKILL to its owner, and keeps its data', async t => {
  const dataDir = join(await makeFolder(t), '.latchkey')
  const owner = spawnEmbedded(t, dataDir)
  const { url } = await owner.said
  await query(url!, "create table notes as select 'kept' as note")
  const server = await postgresOf(join(dataDir, 'postgres'))
  process.kill(owner.pid, 'SIGKILL')
  await Promise.all([owner.exited, ended(server)])

  const next = await startEmbeddedPostgres({ dataDir, log: quietLog() })
  t.teardown(next.stop)
  t.same(await query(next.url, 'select note from notes'), [{ note: 'kept' }])
})

t.test('an embedded Postgres that outlived its owner is ended by the next start', { skip: noProc() }, async t => {
  const dataDir = join(await makeFolder(t), '.latchkey')
  const owner = spawnEmbedded(t, dataDir)
  const { url } = await owner.said
  await query(url!, "create table notes as select 'kept' as note")
  const orphan = await postgresOf(join(dataDir, 'postgres'))
  for (const pid of watchersOf(orphan.pid)) process.kill(pid, 'SIGKILL')
  process.kill(owner.pid, 'SIGKILL')
  await owner.exited
  t.ok(stillRuns(orphan))

  const log = quietLog()
  const next = await startEmbeddedPostgres({ dataDir, log })
  t.teardown(next.stop)
  t.notOk(stillRuns(orphan))
  t.match(log.lines, [`warn: Stopping the Postgres (process ${orphan.pid})`])
  t.equal(log.lines.length, 1, 'and its data stays with the same user')
  t.same(await query(next.url, 'select note from notes'), [{ note: 'kept' }])
})

t.test('an embedded start waits for the last processes of a killed Postgres', { skip: noProc() }, async t => {
  const dataDir = join(await makeFolder(t), '.latchkey')
  const owner = spawnEmbedded(t, dataDir)
  const { url } = await owner.said
  await query(url!, "create table notes as select 'kept' as note")
  const server = await postgresOf(join(dataDir, 'postgres'))
  const { uid } = await stat(join(dataDir, 'postgres/data'))
  // Any of them may have something left to write.
  const [last] = await childrenOf(server.pid)
  process.kill(last!, 'SIGSTOP')
  const resume = () => identifyProcess(last!) && process.kill(last!, 'SIGCONT')
  t.teardown(resume)
  for (const pid of [owner.pid, server.pid]) process.kill(pid, 'SIGKILL')
  await Promise.all([owner.exited, ended(server)])

  const starting = startEmbeddedPostgres({ dataDir, log: quietLog() })
  t.equal(await Promise.race([starting, sleep(500, 'it waits')]), 'it waits')
  resume()
  const next = await starting
  t.teardown(next.stop)
  t.same(await query(next.url, 'select note from notes'), [{ note: 'kept' }])
  t.equal((await stat(join(dataDir, 'postgres/data'))).uid, uid)
})

t.test('another program that got the pid of an ended Postgres is left alone', async t => {
  const dataDir = join(await makeFolder(t), '.latchkey')
  await (await startEmbeddedPostgres({ dataDir, log: quietLog() })).stop()
  const data = join(dataDir, 'postgres/data')
  const { uid, gid } = await stat(data)
  const bystander = spawn('sleep', ['600'], { uid, gid })
  await once(bystander, 'spawn')
  t.teardown(() => bystander.kill())
  await writeFile(join(data, 'postmaster.pid'), `${bystander.pid}\n${data}\n1\n5432\n\n127.0.0.1\n 0 0\nready   \n`)

  const next = await startEmbeddedPostgres({ dataDir, log: quietLog() })
  t.teardown(next.stop)
  t.ok(identifyProcess(bystander.pid!))
  t.same(await query(next.url, 'select 1 as one'), [{ one: 1 }])
})

function noProc(): string | false {
  return process.platform === 'linux' ? false : 'finding the watcher needs /proc'
}

function watchersOf(pid: number): number[] {
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  return pids.map(Number).filter(each => commandLine(each).endsWith(`|| kill -INT "$1" sh ${pid}`))
}
