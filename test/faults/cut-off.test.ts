import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startFaultProxy } from '../support/fault-proxy.js'
import { post, signUp, verify } from '../support/people.js'
import { testServers } from '../support/servers/test-servers.js'
import { createTestDatabase } from '../support/test-database.js'
import { startInstances } from './instances.js'

// Both stores are down for longer than REVOCATION_MAX_STALENESS. Then an instance verifies again only by the journal.

t.test('after both stores were down, silence of Redis does not prove that nothing was revoked', async t => {
  const { url: postgresUrl } = await createTestDatabase(t)
  const { b, postgres, redis, start } = await startInstances(t, {
    postgresUrl,
    env: { REVOCATION_MAX_STALENESS: '2s' },
  })
  const redisOfOther = await startFaultProxy(t, { target: testServers().redisUrl })
  const other = await start({ env: { DATABASE_URL: postgresUrl, REDIS_URL: redisOfOther.url } })
  const ada = await signUp(other.app)
  t.equal(await verify(b.app, ada.accessToken), 200)

  // The logout is committed, and published nowhere.
  await Promise.all([postgres.refuse(), redis.refuse(), redisOfOther.refuse()])
  t.equal((await post(other.app, '/auth/logout', { refresh_token: ada.refreshToken })).statusCode, 204)
  await redis.heal()
  await sleep(4000)
  t.equal(await verify(b.app, ada.accessToken), 'revocations_stale', 'Redis is back, without an entry')

  await postgres.heal()
  const end = performance.now() + 5000
  while ((await verify(b.app, ada.accessToken)) === 'revocations_stale' && performance.now() < end) await sleep(20)
  t.equal(await verify(b.app, ada.accessToken), 'token_revoked', 'the journal has the entry')
})
