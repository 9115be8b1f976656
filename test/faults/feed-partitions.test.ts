import t from 'tap'
import { LEASE_SECONDS } from '../../src/revocations/feed/leased-registry.js'
import { startFaultProxy } from '../support/fault-proxy.js'
import { listen } from '../support/raw-request.js'
import { testServers } from '../support/servers/test-servers.js'
import { createTestDatabase } from '../support/test-database.js'
import { PATIENT_SECONDS, startFeedInstances } from './feed-instances.js'
import { printFeedTable, runFeedRow } from './run-feed-row.js'
import { ONLY_IN_FULL } from './run-row.js'
import { watchHere } from './watching-verifier.js'

// Instances that cannot reach Postgres for longer than the leases of their verifiers.

const IMPATIENT_SECONDS = 10
const LASTS_MS = (LEASE_SECONDS + IMPATIENT_SECONDS + 10) * 1000
const FULL = { ...ONLY_IN_FULL, timeout: 300_000 }

t.test(
  'with Redis, verifiers go on without Postgres until their leases end, and then for their bound',
  FULL,
  async t => {
    const instances = await startFeedInstances(t)
    const { follow, networks, postgres } = instances
    const verifiers = [
      await watchHere(t, follow('impatient', networks[0], IMPATIENT_SECONDS)),
      await watchHere(t, follow('patient', networks[1], PATIENT_SECONDS)),
    ]
    await runFeedRow(t, {
      fault: 'Postgres refuses for longer than a lease',
      ...instances,
      verifiers,
      begin: postgres.refuse,
      lastsMs: LASTS_MS,
      end: postgres.heal,
      cutOff: ['impatient'],
      undecidedAfterMs: (LEASE_SECONDS / 2) * 1000,
    })
  },
)

t.test(
  'an instance without Postgres cannot know what another one could not publish, for a limited time',
  FULL,
  async t => {
    const { url: postgresUrl } = await createTestDatabase(t)
    const instances = await startFeedInstances(t, { postgresUrl })
    const { follow, networks, postgres, start } = instances
    const redisOfOther = await startFaultProxy(t, { target: testServers().redisUrl })
    const other = await start({ env: { DATABASE_URL: postgresUrl, REDIS_URL: redisOfOther.url } })
    const services = [`http://127.0.0.1:${await listen(other.app)}`]
    const network = await startFaultProxy(t, { target: services[0]! })
    const verifiers = [
      await watchHere(t, follow('at-the-cut-off', networks[0], IMPATIENT_SECONDS)),
      await watchHere(t, follow('at-the-other', network)),
    ]
    await runFeedRow(t, {
      fault: 'no Postgres for one, no Redis for the other',
      services,
      verifiers,
      begin: () => Promise.all([postgres.refuse(), redisOfOther.refuse()]),
      lastsMs: LASTS_MS,
      end: () => Promise.all([postgres.heal(), redisOfOther.heal()]),
      cutOff: ['at-the-cut-off'],
      undecidedAfterMs: (LEASE_SECONDS / 2) * 1000,
      lateMs: LEASE_SECONDS * 1000,
      laggards: ['at-the-cut-off'],
    })
  },
)

t.test('what verifiers answered during partitions is printed as a table', async t => printFeedTable(t))
