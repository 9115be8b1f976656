import { join } from 'node:path'
import t from 'tap'
import { readConfig } from '../../src/config/config.js'
import { readPostgresUrl } from '../../src/config/postgres-url.js'
import { readRedisUrl } from '../../src/config/redis-url.js'
import { problemsOf, production } from './environments.js'

/** Every character that has a meaning in an address, and some that are not ASCII. */
const ODD = `p@ss:w/o?r#d%41 &=+'"\\$\`{}é漢`
const DATABASE_URL = 'postgres://latchkey@db:5432/latchkey'
const REDIS_URL = 'redis://redis:6379/1'

t.test('a password in its own setting is used as it is written', async t => {
  const cases: [url: string, redis: string][] = [
    [DATABASE_URL, REDIS_URL],
    [`${DATABASE_URL}?sslmode=require`, 'rediss://ada@redis?db=2'],
    ['postgres:///db?host=/run&user=ada', 'unix:///run/redis.sock'],
    ['postgres://one,two/db', 'redis://default@redis'],
  ]
  for (const [url, redis] of cases) {
    const { database, redis: given } = readConfig({
      ...production,
      DATABASE_URL: url,
      DATABASE_PASSWORD: ODD,
      REDIS_URL: redis,
      REDIS_PASSWORD: ODD,
    })
    t.strictSame(readPostgresUrl(database.url!), { ...readPostgresUrl(url), password: ODD }, url)
    t.strictSame(readRedisUrl(given.url!), { ...readRedisUrl(redis), password: ODD }, redis)
    t.equal(database.migrationUrl, database.url, 'migrations use it too')
  }
})

t.test('a password can be a file, and its last line break does not count', async t => {
  const folder = t.testdir({ postgres: `${ODD}\n`, redis: `${ODD}\r\n`, lines: 'canary\ncanary\n' })
  const { database, redis } = readConfig({
    ...production,
    DATABASE_URL,
    DATABASE_PASSWORD_FILE: join(folder, 'postgres'),
    REDIS_URL,
    REDIS_PASSWORD_FILE: join(folder, 'redis'),
  })
  t.equal(readPostgresUrl(database.url!).password, ODD)
  t.equal(readRedisUrl(redis.url!).password, ODD)
  t.strictSame(problemsOf({ ...production, DATABASE_URL, DATABASE_PASSWORD_FILE: join(folder, 'lines') }), [
    'DATABASE_PASSWORD must be a password of one line.',
  ])
})

t.test('the role of the migrations has its own password', async t => {
  const { database } = readConfig({
    ...production,
    DATABASE_URL,
    DATABASE_PASSWORD: 'one',
    DATABASE_MIGRATION_URL: 'postgres://owner@db/latchkey',
    DATABASE_MIGRATION_PASSWORD: 'other',
  })
  t.match(readPostgresUrl(database.url!), { user: 'latchkey', password: 'one' })
  t.match(readPostgresUrl(database.migrationUrl!), { user: 'owner', password: 'other' })
  t.strictSame(problemsOf({ ...production, DATABASE_MIGRATION_PASSWORD: 'other' }), [
    'DATABASE_MIGRATION_PASSWORD is set without DATABASE_MIGRATION_URL: set both, or unset DATABASE_MIGRATION_PASSWORD.',
  ])
})

t.test('a password both in the address and in its setting is an error that shows neither', async t => {
  const cases = [
    ['DATABASE_URL', 'postgres://u:canary@db/x', 'DATABASE_PASSWORD'],
    ['DATABASE_URL', 'postgres://db/x?user=u&password=canary', 'DATABASE_PASSWORD'],
    ['DATABASE_MIGRATION_URL', 'postgres://u:canary@db/x', 'DATABASE_MIGRATION_PASSWORD'],
    ['REDIS_URL', 'redis://:canary@redis', 'REDIS_PASSWORD'],
  ] as const
  for (const [url, address, password] of cases) {
    t.strictSame(problemsOf({ ...production, [url]: address, [password]: 'canary' }), [
      `${url} contains a password, and ${password} is set too: remove one of them.`,
    ])
  }
})

t.test('the embedded mode ignores these passwords', async t => {
  const env = { ...production, NODE_ENV: 'test', DATABASE_PASSWORD: ODD, REDIS_PASSWORD: ODD }
  t.strictSame(problemsOf(env, { embedded: true }), [])
})
