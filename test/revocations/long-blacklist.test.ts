import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { eventually } from '../support/eventually.js'
import { startRedis } from '../support/servers/own-redis.js'

const COUNT = 60_000

t.test('a long journal is copied to the blacklist only once, even while the database is busy', async t => {
  const server = await startRedis(t)
  const { database } = await buildTestApp(t, { REDIS_URL: server.url })
  const redis = new Redis(server.url)
  t.teardown(() => redis.disconnect())
  await database.admin`
    insert into revocations (kind, subject, reason, expires_at)
    select 'session', gen_random_uuid(), 'logout', now() + interval '1 hour' from generate_series(1, ${COUNT})`

  // Transactions start and end all the time, so each page of the journal ends at a later position.
  let busy = true
  const traffic = (async () => {
    for (; busy; await sleep(20)) await database.admin`select pg_current_xact_id()`
  })()
  await eventually(async () => {
    if ((await redis.dbsize()) < COUNT) throw new Error('not all of it is there yet')
  }, 60_000)
  await sleep(3000)
  busy = false
  await traffic

  const [, scripts = '0'] = /cmdstat_evalsha:calls=(\d+)/.exec(await redis.info('commandstats')) ?? []
  t.ok(Number(scripts) >= COUNT && Number(scripts) < 1.2 * COUNT, `${scripts} commands for ${COUNT} entries`)
})
