import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startReplicatedPostgres } from '../support/replicated-postgres.js'
import { startRedis } from '../support/servers/own-redis.js'
import { query } from '../support/servers/query.js'
import { IS_FULL, ONLY_IN_FULL, printTable, runFailover } from './run-failover.js'

// The primary is killed, and its standby becomes the primary. The address names both.

/** A cluster manager needs some time to see that the primary is down. */
const NOTICED_AFTER_MS = IS_FULL ? 2000 : 500
const mayAnswer = ['503 store_unavailable']

t.test('a failover of Postgres loses no session and accepts nothing that was revoked', async t => {
  const servers = await startReplicatedPostgres(t, { isSynchronous: true })
  const redis = await startRedis(t)
  await runFailover(t, {
    name: 'Postgres, synchronous',
    env: { DATABASE_URL: `${servers.url}?target_session_attrs=read-write`, REDIS_URL: redis.url },
    failOver: async () => {
      await servers.primary.kill()
      await sleep(NOTICED_AFTER_MS)
      await servers.promote()
    },
    mayAnswer,
  })
})

t.test('a Postgres failover that loses commits accepts nothing that was revoked', ONLY_IN_FULL, async t => {
  const servers = await startReplicatedPostgres(t, { isSynchronous: false })
  const redis = await startRedis(t)
  const { lost } = await runFailover(t, {
    name: 'Postgres, asynchronous, a second behind',
    env: { DATABASE_URL: servers.url, REDIS_URL: redis.url },
    failOver: async () => {
      // The standby applies what it has received, and receives nothing more.
      await query(servers.standby.url, "alter system set primary_conninfo = ''")
      await query(servers.standby.url, 'select pg_reload_conf()')
      await sleep(1000)
      await servers.primary.kill()
      await sleep(NOTICED_AFTER_MS)
      await servers.promote()
    },
    mayAnswer: [...mayAnswer, '401 refresh_token_unknown', '401 session_not_found'],
    mayLoseCommits: true,
  })
  t.ok(
    lost.every(answer => /refresh_token_unknown/.test(answer)),
    'only sessions of the lost second',
  )
})

t.test('what was answered during failovers of Postgres is printed as a table', async t => printTable(t))
