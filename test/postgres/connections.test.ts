import { sql } from 'drizzle-orm'
import t, { type Test } from 'tap'
import { isStoreUnavailable } from '../../src/http/errors/to-latchkey-error.js'
import { LatchkeyError } from '../../src/lib/errors.js'
import { type ConnectionOptions, type Executor, openConnections } from '../../src/postgres/pool/connections.js'
import { createTestDatabase } from '../support/test-database.js'

async function open(t: Test, options: Partial<ConnectionOptions> = {}) {
  const { url } = await createTestDatabase(t)
  const connections = openConnections({ url, size: 4, prepare: true, caFile: undefined, timeoutMs: 5000, ...options })
  t.teardown(() => connections.close())
  return connections
}

t.test('a query is as cheap after 20,000 queries as before them', async t => {
  // postgres.js finds a connection in its queues with indexOf. In a client with its own pool, the queues only grow.
  const connections = await open(t)
  const longestSearch = await longestArraySearched(async () => {
    let left = 20_000
    await Promise.all(
      Array.from({ length: 12 }, async () => {
        while (left-- > 0) await connections.run(executor => executor.execute(sql`select 1`))
      }),
    )
  })
  t.comment(`the longest array searched had ${longestSearch} entries`)
  t.ok(longestSearch < 100)
})

t.test('a statement does not wait for another caller’s open transaction', async t => {
  const connections = await open(t, { size: 2 })
  const { promise: others, resolve: finish } = withResolvers()
  const { promise: begun, resolve: begin } = withResolvers()
  const transaction = connections.transaction(async runner => {
    await runner.run(executor => executor.execute(sql`select 1`))
    begin()
    await others
  })
  await begun
  await Promise.all(Array.from({ length: 5 }, () => connections.run(executor => executor.execute(sql`select 1`))))
  finish()
  await transaction
})

t.test('a transaction is rolled back when its work rejects', async t => {
  const connections = await open(t)
  const failing = connections.transaction(async runner => {
    await runner.run(executor => executor.execute(sql`update realm set not_before = '2001-01-01'`))
    throw new Error('changed my mind')
  })
  await t.rejects(failing, { message: 'changed my mind' })
  const [row] = await connections.run(executor =>
    executor.execute(sql`select not_before = 'epoch' as untouched from realm`),
  )
  t.strictSame(row, { untouched: true })
})

t.test('a database error never contains the values of its statement', async t => {
  const connections = await open(t)
  const failing = connections.run(executor => executor.execute(sql`select ${'canary@example.com'}::int`))
  const error = await failing.catch((error: Error) => error)
  t.notMatch(Object.keys(error as object), ['query', 'params'])
  t.notMatch((error as Error).name, /Drizzle/)
  t.match((error as unknown as { code: string }).code, '22P02')
})

t.test('a statement that exceeds the timeout is cancelled by Postgres', async t => {
  const connections = await open(t, { timeoutMs: 1000 })
  const failing = connections.run(executor => executor.execute(sql`select pg_sleep(30)`))
  await t.rejects(failing, { code: '57014' }, 'the server cancels it')
})

t.test('a Postgres that accepts a connection and never answers does not block a statement forever', async t => {
  // A port that accepts connections and never sends anything, like a host behind a network partition.
  const { createServer } = await import('node:net')
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  await new Promise(resolve => silent.once('listening', resolve))
  const { port } = silent.address() as { port: number }
  const url = `postgres://nobody:nothing@127.0.0.1:${port}/none`
  const connections = openConnections({ url, size: 1, prepare: true, caFile: undefined, timeoutMs: 1000 })
  t.teardown(() => silent.close())
  const error = await connections.run(executor => executor.execute(sql`select 1`)).catch((error: unknown) => error)
  t.ok(error instanceof LatchkeyError ? error.code === 'store_unavailable' : (error as { code: string }).code)
  await connections.close()
})

for (const code of ['40001', '40P01']) {
  t.test(`work that fails with SQLSTATE ${code} is retried, and reported only after the last retry`, async t => {
    const connections = await open(t)
    let failures = 2
    const work = (executor: Executor) =>
      failures-- > 0
        ? executor.execute(sql.raw(`do $$ begin raise exception 'lost' using errcode = '${code}'; end $$`))
        : executor.execute(sql`select 'done' as state`)
    t.match(await connections.transaction(({ run }) => run(work)), [{ state: 'done' }])
    failures = 2
    t.match(await connections.run(work), [{ state: 'done' }])
    failures = Infinity
    const error = await connections.run(work).catch((error: unknown) => error)
    t.equal(isStoreUnavailable(error), true, '503 with Retry-After')
  })
}

function withResolvers() {
  let resolve = () => {}
  const promise = new Promise<void>(done => {
    resolve = done
  })
  return { promise, resolve }
}

/** The length of the longest array that was searched with indexOf during the work. */
async function longestArraySearched(work: () => Promise<void>): Promise<number> {
  const { indexOf } = Array.prototype
  let longest = 0
  Array.prototype.indexOf = function (...args) {
    longest = Math.max(longest, this.length)
    return indexOf.apply(this, args)
  }
  try {
    await work()
  } finally {
    Array.prototype.indexOf = indexOf
  }
  return longest
}
