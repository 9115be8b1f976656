import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { controlPostgres } from '../support/controlled-postgres.js'
import { until } from '../support/eventually.js'
import { startFeedInstances, startThreeVerifiers } from './feed-instances.js'
import { printFeedTable, runFeedRow } from './run-feed-row.js'
import { watchHere } from './watching-verifier.js'

// Postgres fails over to a standby that lost the last seconds, while other services follow the feed.

t.test('what a Postgres failover lost is refused by every verifier, also by one that starts afterwards', async t => {
  const primary = await controlPostgres(t)
  const instances = await startFeedInstances(t, { postgresUrl: primary.url })
  const { follow, networks, postgres } = instances
  const verifiers = await startThreeVerifiers(t, instances)
  let standby = primary
  const traffic = await runFeedRow(t, {
    fault: 'Postgres loses the last seconds',
    ...instances,
    verifiers,
    begin: async () => {
      await primary.stop()
      standby = await primary.copy()
      await primary.start()
      postgres.retarget(primary.url)
      // Users sign out. The standby does not have these revocations.
      await sleep(3000)
      await primary.kill()
    },
    lastsMs: 500,
    end: async () => {
      await standby.start()
      postgres.retarget(standby.url)
    },
  })

  const late = await watchHere(t, follow('late', networks[1]))
  const gone = traffic.sessions.filter(({ revokedAtMs }) => revokedAtMs !== undefined)
  for (const { id, accessToken } of gone) late.watch(id, accessToken)
  await until(async () => {
    const { episodes } = await late.report()
    return gone.every(({ id }) => episodes.find(([of]) => of === id)?.[1].at(-1)?.verdict === 'token_revoked')
  }, 'a verifier that starts afterwards refuses all of them')
})

t.test('what verifiers answered during a failover is printed as a table', async t => printFeedTable(t))
