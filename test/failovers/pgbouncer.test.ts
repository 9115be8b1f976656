import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startReplicatedPostgres } from '../support/replicated-postgres.js'
import { controlPgBouncer } from '../support/servers/own-pgbouncer.js'
import { startRedis } from '../support/servers/own-redis.js'
import { emptyDatabase } from '../support/test-database.js'
import { ONLY_IN_FULL, printTable, runFailover } from './run-failover.js'

// PgBouncer in transaction mode is between the service and Postgres.

const mayAnswer = ['503 store_unavailable']

t.test('no session is lost when PgBouncer is killed and started again', ONLY_IN_FULL, async t => {
  const [database, redis] = await Promise.all([emptyDatabase(t), startRedis(t)])
  const bouncer = await controlPgBouncer(t, database.url)
  await runFailover(t, {
    name: 'PgBouncer is killed and started again',
    env: { DATABASE_URL: bouncer.url, REDIS_URL: redis.url },
    failOver: async () => {
      await bouncer.kill()
      await sleep(1000)
      await bouncer.start()
    },
    mayAnswer,
  })
})

t.test('no session is lost when one of two PgBouncers is killed', ONLY_IN_FULL, async t => {
  const [database, redis] = await Promise.all([emptyDatabase(t), startRedis(t)])
  const [first, second] = [await controlPgBouncer(t, database.url), await controlPgBouncer(t, database.url)]
  await runFailover(t, {
    name: 'one of two PgBouncers is killed',
    env: {
      DATABASE_URL: first.url.replace(/@[^/]*/, hosts => `${hosts},${new URL(second.url).host}`),
      REDIS_URL: redis.url,
    },
    failOver: first.kill,
    mayAnswer,
  })
})

t.test('no request is refused when PgBouncer pauses during a switch to the standby', ONLY_IN_FULL, async t => {
  const [servers, redis] = await Promise.all([startReplicatedPostgres(t, { isSynchronous: true }), startRedis(t)])
  const bouncer = await controlPgBouncer(t, servers.primary.url)
  await runFailover(t, {
    name: 'PgBouncer pauses, the standby takes over',
    env: { DATABASE_URL: bouncer.url, REDIS_URL: redis.url },
    failOver: async () => {
      await bouncer.command('PAUSE')
      await servers.primary.stop()
      await servers.promote()
      await bouncer.useServer(servers.standby.url)
      await bouncer.command('RESUME')
    },
  })
})

// PgBouncer waits this long before it tries again to reach a server that refused it.
for (const retry of ['15', '1']) {
  const name = `PgBouncer (server_login_retry = ${retry}) leads to the standby of a primary that was killed`
  t.test(`no session is lost when ${name}`, ONLY_IN_FULL, async t => {
    const [servers, redis] = await Promise.all([startReplicatedPostgres(t, { isSynchronous: true }), startRedis(t)])
    const bouncer = await controlPgBouncer(t, servers.primary.url, `server_login_retry = ${retry}\n`)
    await runFailover(t, {
      name,
      env: { DATABASE_URL: bouncer.url, REDIS_URL: redis.url },
      failOver: async () => {
        await servers.primary.kill()
        await sleep(2000)
        await servers.promote()
        await bouncer.useServer(servers.standby.url)
      },
      mayAnswer,
    })
  })
}

t.test('what was answered during failovers of PgBouncer is printed as a table', async t => printTable(t))
