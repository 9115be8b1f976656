import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startReplicatedPostgres } from '../support/replicated-postgres.js'
import { startRedis } from '../support/servers/own-redis.js'
import { MASTER, startRedisSentinels } from '../support/servers/own-redis-sentinels.js'
import { IS_FULL, ONLY_IN_FULL, printTable, runFailover } from './run-failover.js'

// The primary is killed, and its standby becomes the primary. The address names both.

/** A cluster manager needs some time to see that the primary is down. */
const NOTICED_AFTER_MS = IS_FULL ? 2000 : 500
const mayAnswer = ['503 store_unavailable']

const ONLY_IN_SHORT = IS_FULL ? { skip: 'the tests below do it one by one' } : {}

t.test(
  'failovers of Postgres and of Redis at once lose no session, and nothing revoked works',
  ONLY_IN_SHORT,
  async t => {
    const [servers, redis] = await Promise.all([
      startReplicatedPostgres(t, { isSynchronous: true }),
      startRedisSentinels(t, { replicas: 1, sentinels: 3 }),
    ])
    await runFailover(t, {
      name: 'Postgres and Redis Sentinel',
      env: {
        DATABASE_URL: `${servers.url}?target_session_attrs=read-write`,
        REDIS_URL: redis.url,
        REDIS_SENTINEL_MASTER: MASTER,
      },
      failOver: async () => {
        process.kill(redis.master.pid, 'SIGKILL')
        await servers.primary.kill()
        await sleep(NOTICED_AFTER_MS)
        await servers.promote()
      },
      mayAnswer,
    })
  },
)

t.test('a failover of Postgres loses no session and accepts nothing that was revoked', ONLY_IN_FULL, async t => {
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
  let cutOffAtMs = 0
  const { lost, outputs } = await runFailover(t, {
    name: 'Postgres, asynchronous, a second behind',
    env: { DATABASE_URL: servers.url, REDIS_URL: redis.url },
    failOver: async () => {
      cutOffAtMs = performance.now()
      await servers.cutOff()
      await sleep(1000)
      await servers.primary.kill()
      await sleep(NOTICED_AFTER_MS)
      await servers.promote()
    },
    // A session that is not there was revoked, as far as the service knows.
    mayAnswer: [...mayAnswer, '401 session_revoked'],
    mayLoseCommits: true,
  })
  t.match(outputs.join('\n'), /the database lost \d+ revocations in a failover/, 'the standby was behind')
  const others = lost.filter(({ signedInAtMs }) => signedInAtMs < cutOffAtMs)
  t.strictSame(others, [], 'only sessions are lost that began after the last commit that the standby has')
})

t.test('what was answered during failovers of Postgres is printed as a table', async t => printTable(t))
