import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import t, { type Test } from 'tap'
import { type Connections, openConnections } from '../../src/postgres/pool/connections.js'
import { startFaultProxy } from '../support/fault-proxy.js'
import { listen } from '../support/raw-request.js'
import { createTestDatabase } from '../support/test-database.js'

async function open(t: Test, { size = 4, timeoutMs = 1000, prepare = true } = {}) {
  const { url, admin } = await createTestDatabase(t)
  const proxy = await startFaultProxy(t, { target: url })
  const connections = openConnections({ url: proxy.url, size, prepare, caFile: undefined, timeoutMs })
  t.teardown(() => connections.close())
  return { admin, proxy, connections }
}

const select = (connections: Connections) => connections.run(executor => executor.execute(sql`select 1`))

/** The outcome of a promise, which may reject before it is awaited. */
function outcome(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'done',
    (error: { code?: string }) => String(error.code ?? error),
  )
}

/** Resolves when Postgres is executing the statement. */
async function atWork({ admin }: Awaited<ReturnType<typeof open>>, text: string): Promise<void> {
  for (;;) {
    const [found] = await admin`select 1 from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and state = 'active' and query like ${`%${text}%`}`
    if (found) return
  }
}

const losses = {
  'is reset': async ({ proxy }: Awaited<ReturnType<typeof open>>) => proxy.reset(),
  'is ended by the server': async ({ admin }: Awaited<ReturnType<typeof open>>) => {
    await admin`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`
  },
}

// The second mode is the one behind a pooler, where each statement is sent between a BEGIN and a COMMIT.
for (const [way, prepare] of [
  ['', true],
  [' in pooler mode', false],
] as const) {
  for (const [how, lose] of Object.entries(losses)) {
    t.test(`a connection${way} that ${how} during a transaction fails only that transaction`, async t => {
      const opened = await open(t, { prepare })
      const { connections } = opened
      const duringStatement = outcome(
        connections.transaction(runner => runner.run(executor => executor.execute(sql`select pg_sleep(5)`))),
      )
      await atWork(opened, 'pg_sleep')
      await lose(opened)
      t.match(await duringStatement, /store_unavailable|57P01|CONNECTION_CLOSED|ECONNRESET/)

      let goOn = () => {}
      const paused = new Promise<void>(resolve => {
        goOn = resolve
      })
      let pause = () => {}
      const begun = new Promise<void>(resolve => {
        pause = resolve
      })
      const work = connections.transaction(async runner => {
        await runner.run(executor => executor.execute(sql`select 1`))
        pause()
        await paused
        await runner.run(executor => executor.execute(sql`update realm set not_before = '2001-01-01'`))
      })
      const betweenStatements = outcome(work)
      await begun
      await lose(opened)
      t.equal(await betweenStatements, 'store_unavailable', 'at once')
      goOn()
      for (let times = 0; times < 8; times++) t.equal(await outcome(select(connections)), 'done')
      const [row] = await opened.admin`select not_before = 'epoch' as untouched from realm`
      t.strictSame(row, { untouched: true })
    })

    t.test(`a connection${way} that ${how} during a statement fails only that statement`, async t => {
      const opened = await open(t, { prepare })
      const asleep = outcome(opened.connections.run(executor => executor.execute(sql`select pg_sleep(${5})`)))
      await atWork(opened, 'pg_sleep')
      await lose(opened)
      t.match(await asleep, /store_unavailable|57P01|CONNECTION_CLOSED|ECONNRESET/)
      for (let times = 0; times < 8; times++) t.equal(await outcome(select(opened.connections)), 'done')
    })
  }

  t.test(`a connection${way} that is lost while it opens fails only the statements that wait for it`, async t => {
    const { proxy, connections } = await open(t, { size: 1, prepare })
    for (let bytes = 0; bytes < 1000; bytes += 10) {
      proxy.cutAfter(bytes, 'down')
      t.match(await outcome(select(connections)), /done|ECONNRESET|CONNECTION_CLOSED|store_unavailable/)
      proxy.reset()
      await proxy.heal()
    }
    await sleep(10)
    t.equal(await outcome(select(connections)), 'done')
  })
}

t.test('the first statements after a network black hole succeed', async t => {
  const { proxy, connections } = await open(t)
  await Promise.all(Array.from({ length: 4 }, () => select(connections)))
  proxy.blackHole()
  t.equal(await outcome(select(connections)), 'store_unavailable')
  await proxy.heal()
  // The old connections stay silent. Three of them were idle, so no statement has timed out on them yet.
  for (let times = 0; times < 4; times++) t.equal(await outcome(select(connections)), 'done')
})

t.test('the writes of a transaction that timed out are not committed later', async t => {
  const { admin, connections } = await open(t)
  const work = connections.transaction(async runner => {
    for (const year of ['2001', '2002', '2003']) {
      await runner.run(executor => executor.execute(sql`update realm set not_before = ${`${year}-01-01`}`))
      await runner.run(executor => executor.execute(sql`select pg_sleep(0.7)`))
    }
  })
  t.equal(await outcome(work), 'store_unavailable')
  await sleep(1000)
  const [row] = await admin`select not_before = 'epoch' as untouched from realm`
  t.strictSame(row, { untouched: true })
})

t.test('a statement that fails does not close its connection', async t => {
  const { proxy, connections } = await open(t, { size: 1 })
  await select(connections)
  t.equal(await outcome(connections.run(executor => executor.execute(sql`select 1 / 0`))), '22012')
  t.equal(await outcome(connections.run(executor => executor.execute(sql`select pg_sleep(5)`))), '57014')
  await select(connections)
  t.equal(proxy.accepted, 1)
})

t.test('a server that closes every connection at once is not retried in a loop', async t => {
  let accepted = 0
  const server = createServer(socket => {
    accepted++
    socket.on('error', () => {}).end()
  })
  t.teardown(() => server.close())
  const port = await listen({
    listen: ({ host, port }) => new Promise(resolve => server.listen(port, host, () => resolve(urlOf(server)))),
  })
  const url = `postgres://nobody:nothing@127.0.0.1:${port}/none`
  const connections = openConnections({ url, size: 1, prepare: true, caFile: undefined, timeoutMs: 1000 })
  t.teardown(() => connections.close())
  t.match(await outcome(select(connections)), /CONNECTION_CLOSED|store_unavailable/)
  t.ok(accepted < 5, `${accepted} connections`)
})

t.test('a connection to a server that became read-only is replaced, and its statement runs exactly once', async t => {
  const { admin, connections } = await open(t, { size: 2 })
  const setReadOnly = (value: 'on' | 'off') =>
    admin.unsafe(`do $$ begin execute format(
      'alter database %I set default_transaction_read_only = ${value}', current_database()); end $$`)
  const write = () =>
    connections.run(executor => executor.execute(sql`update realm set not_before = not_before + interval '1 day'`))
  await setReadOnly('on')
  await Promise.all([select(connections), select(connections)])
  await sleep(1000)
  t.equal(await outcome(write()), '25006', 'the next connection was read-only too')

  await setReadOnly('off')
  await sleep(1000)
  t.equal(await outcome(write()), 'done')
  const work = connections.transaction(async runner => {
    await runner.run(executor => executor.execute(sql`select 1`))
    await runner.run(executor => executor.execute(sql`update realm set not_before = not_before + interval '1 day'`))
  })
  t.equal(await outcome(work), 'done')
  const [row] = await admin`select extract(day from not_before - 'epoch')::int as days from realm`
  t.strictSame(row, { days: 2 })
})

function urlOf(server: ReturnType<typeof createServer>): string {
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}
