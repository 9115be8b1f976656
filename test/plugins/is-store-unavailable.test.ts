import { Redis } from 'ioredis'
import postgres from 'postgres'
import t from 'tap'
import { isStoreUnavailable } from '../../src/plugins/is-store-unavailable.js'

// Nobody listens on the discard port here.
const DEAD_PORT = 9

const coded = (code: string, cause?: unknown) => Object.assign(new Error('failed', { cause }), { code })

t.test('connection errors of the system, postgres.js and Postgres itself count', async t => {
  for (const code of ['ECONNREFUSED', 'ENOTFOUND', 'CONNECT_TIMEOUT', 'CONNECTION_ENDED', '57P01', '25006', '08006']) {
    t.ok(isStoreUnavailable(coded(code)), code)
  }
})

t.test('defects, constraint violations and things that are no error do not', async t => {
  for (const error of [new Error('no'), coded('23505'), coded('42P01'), coded('080067'), 'ECONNREFUSED', undefined]) {
    t.notOk(isStoreUnavailable(error))
  }
})

t.test('a wrapped or aggregated connection error counts', async t => {
  t.ok(isStoreUnavailable(new Error('query failed', { cause: coded('ECONNRESET') })))
  t.ok(isStoreUnavailable(new AggregateError([new Error('no'), coded('ECONNREFUSED')])))
})

t.test('a circle of causes ends', async t => {
  const error = new Error('a')
  error.cause = new Error('b', { cause: error })
  t.notOk(isStoreUnavailable(error))
})

t.test('what postgres.js says of a dead server counts', async t => {
  const sql = postgres({ host: '127.0.0.1', port: DEAD_PORT, max: 1, connect_timeout: 1 })
  const error = await sql`select 1`.catch((reason: unknown) => reason)
  t.ok(isStoreUnavailable(error), String(error))
  await sql.end({ timeout: 0 })
  t.ok(isStoreUnavailable(await sql`select 1`.catch((reason: unknown) => reason)), 'and of a closed pool')
})

t.test('what ioredis says of a dead server counts', async t => {
  const options = { host: '127.0.0.1', port: DEAD_PORT, lazyConnect: true, connectTimeout: 500 }
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
