import { Redis } from 'ioredis'
import postgres from 'postgres'
import t from 'tap'
import { isStoreUnavailable } from '../../src/http/errors/to-latchkey-error.js'

// Nothing listens on the discard port here.
const CLOSED_PORT = 9

const coded = (code: string, cause?: unknown) => Object.assign(new Error('failed', { cause }), { code })

t.test('connection errors of the system, postgres.js and Postgres mean that a store is unavailable', async t => {
  for (const code of ['ECONNREFUSED', 'ENOTFOUND', 'CONNECT_TIMEOUT', 'CONNECTION_ENDED', '57P01', '25006', '08006']) {
    t.ok(isStoreUnavailable(coded(code)), code)
  }
})

t.test('bugs, constraint violations and non-errors do not mean that a store is unavailable', async t => {
  for (const error of [new Error('no'), coded('23505'), coded('42P01'), coded('080067'), 'ECONNREFUSED', undefined]) {
    t.notOk(isStoreUnavailable(error))
  }
})

t.test('a wrapped or aggregated connection error means that a store is unavailable', async t => {
  t.ok(isStoreUnavailable(new Error('query failed', { cause: coded('ECONNRESET') })))
  t.ok(isStoreUnavailable(new AggregateError([new Error('no'), coded('ECONNREFUSED')])))
})

t.test('a cycle of error causes does not cause an endless loop', async t => {
  const error = new Error('a')
  error.cause = new Error('b', { cause: error })
  t.notOk(isStoreUnavailable(error))
})

t.test('the errors of postgres.js for a stopped server or a closed pool mean that a store is unavailable', async t => {
  const sql = postgres({ host: '127.0.0.1', port: CLOSED_PORT, max: 1, connect_timeout: 1 })
  const error = await sql`select 1`.catch((reason: unknown) => reason)
  t.ok(isStoreUnavailable(error), String(error))
  await sql.end({ timeout: 0 })
  t.ok(isStoreUnavailable(await sql`select 1`.catch((reason: unknown) => reason)), 'a closed pool')
})

t.test('the errors of ioredis for a stopped server mean that a store is unavailable', async t => {
  const options = { host: '127.0.0.1', port: CLOSED_PORT, lazyConnect: true, connectTimeout: 500 }
  for (const more of [
    { maxRetriesPerRequest: 1, retryStrategy: () => 1 },
    { enableOfflineQueue: false },
    { retryStrategy: () => null },
  ]) {
    const redis = new Redis({ ...options, ...more })
    redis.on('error', () => {})
    const error = await redis.get('a').catch((reason: unknown) => reason)
    t.ok(isStoreUnavailable(error), String(error))
    redis.disconnect()
  }
})
