import { sql } from 'drizzle-orm'
import t, { type Test } from 'tap'
import { openDatabase } from '../../src/postgres/database.js'
import { migrate } from '../../src/postgres/migrate.js'
import { openConnections } from '../../src/postgres/pool/connections.js'
import { until } from '../support/eventually.js'
import { startFaultProxy } from '../support/fault-proxy.js'
import { findFreePort } from '../support/free-port.js'
import { startReplicatedPostgres } from '../support/replicated-postgres.js'
import { query } from '../support/servers/query.js'

// An address with several servers: a primary and its standby.

const servers = await startReplicatedPostgres(t, { isSynchronous: true })
const { primary, standby, url } = servers
const reversed = url.replace(/@([^,]*),([^/]*)/, '@$2,$1')
const portOf = (address: string) => Number(new URL(address).port)

function open(t: Test, address: string) {
  const connections = openConnections({ url: address, size: 3, prepare: true, caFile: undefined, timeoutMs: 3000 })
  t.teardown(() => connections.close())
  const answering = async () => {
    const [row] = await connections.run(executor =>
      executor.execute<{ port: number }>(sql`select current_setting('port')::int as port`),
    )
    return row!.port
  }
  return { connections, answering }
}

for (const [name, address] of Object.entries({
  'with the standby first': reversed,
  'with target_session_attrs=read-write': `${reversed}?target_session_attrs=read-write`,
  'with target_session_attrs=any': `${reversed}?target_session_attrs=any`,
  'with a server that is down': url.replace('@', `@127.0.0.1:${await findFreePort()},`),
})) {
  t.test(`an address ${name} leads to the primary`, async t => {
    const { answering } = open(t, address)
    const ports = await Promise.all(Array.from({ length: 6 }, answering))
    t.strictSame([...new Set(ports)], [portOf(primary.url)])
    await t.resolves(migrate({ url: address, caFile: undefined }))
  })
}

t.test('without a primary, statements are refused at once, and the servers are not asked all the time', async t => {
  const alone = `${standby.url}?target_session_attrs=read-write`
  const { answering } = open(t, alone)
  const countConnections = async () => {
    const [row] = await query(standby.url, 'select sessions from pg_stat_database where datname = current_database()')
    return Number(row!.sessions)
  }
  const before = await countConnections()
  const end = performance.now() + 1500
  let refused = 0
  let answered = 0
  while (performance.now() < end) {
    const outcomes = await Promise.allSettled(Array.from({ length: 3 }, answering))
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') answered++
      else refused++
    }
  }
  t.equal(answered, 0, 'the standby is not used')
  t.ok(refused > 5, `${refused} were refused`)
  await until(async () => (await countConnections()) > before, 'it was asked')
  const asked = (await countConnections()) - before
  t.ok(asked < 40, `it was asked ${asked} times`)
})

t.test('the journal is read from the primary as soon as the name of a standby leads there', async t => {
  const proxy = await startFaultProxy(t, { target: standby.url })
  const database = openDatabase({ url: proxy.url, size: 1, prepare: true, caFile: undefined, timeoutMs: 3000 })
  t.teardown(() => database.close())
  await t.rejects(database.journalFeed.readAll(), /Postgres is a standby/)
  // The connections to the standby stay open.
  proxy.retarget(primary.url)
  await until(
    () =>
      database.journalFeed.readAll().then(
        () => true,
        () => false,
      ),
    'it is read',
    5000,
  )
})

t.test('a wrong password is reported, not that no server is the primary', async t => {
  const { answering } = open(t, url.replace(/:[^:@]*@/, ':canary@'))
  await t.rejects(answering(), { cause: { code: '28P01' } })
})

t.test('after a failover all connections lead to the new primary, also when the former one comes back', async t => {
  const { connections, answering } = open(t, url)
  await Promise.all(Array.from({ length: 6 }, answering))
  await primary.kill()
  await servers.promote()
  await until(() =>
    answering().then(
      port => port === portOf(standby.url),
      () => false,
    ),
  )
  const write = () => connections.run(executor => executor.execute(sql`update realm set not_before = not_before`))
  await t.resolves(Promise.all(Array.from({ length: 6 }, write)))

  // It does not know that it was replaced, and takes writes.
  await query(standby.url, 'select 1')
  await primary.start()
  const { answering: answersLater } = open(t, url)
  t.equal(await answersLater(), portOf(standby.url), 'its timeline is the later one')
  t.equal(await answering(), portOf(standby.url))
})
