import { createVerifier } from '@latchkey/verifier'
import t from 'tap'
import { until } from '../support/eventually.js'
import { startFaultProxy } from '../support/fault-proxy.js'
import { signUp } from '../support/people.js'
import { createTestDatabase } from '../support/test-database.js'
import { verdict } from '../verifier/verifiers.js'
import { startFeedInstances, startThreeVerifiers } from './feed-instances.js'
import { printFeedTable, runFeedRow } from './run-feed-row.js'
import { ONLY_IN_FULL } from './run-row.js'
import { logInto, READY_MS } from './watching-verifier.js'

// Faults of the network between the service and the services that follow the feed.

const ENTRIES = 3000
/** Beyond everything that a verifier reads besides the feed, and before the end of a snapshot of so many entries. */
const [FIRST_CUT, LAST_CUT] = [10_000, 80 * ENTRIES]
const CUTS = 8

t.test('a snapshot that is cut at any byte is never taken for the whole list', async t => {
  const database = await createTestDatabase(t)
  const { a, services, follow } = await startFeedInstances(t, { postgresUrl: database.url })
  const [stays, leaves] = [await signUp(a.app), await signUp(a.app)]
  const { list } = a.app.context.revocations
  await database.admin`insert into revocations (kind, subject, reason, expires_at)
    select 'session', gen_random_uuid(), 'logout', now() + interval '1 hour' from generate_series(1, ${ENTRIES})`
  await until(() => list.size === ENTRIES)
  // The last entry of a snapshot.
  await database.admin`insert into revocations (kind, subject, reason, expires_at)
    values ('session', ${leaves.sessionId}, 'logout', now() + interval '1 hour')`
  await until(() => list.size === ENTRIES + 1)

  const tryCut = async (bytes: number) => {
    const network = await startFaultProxy(t, { target: services[0] })
    network.cutEach(() => bytes, 'down')
    const verifier = createVerifier({ ...follow(`cut-at-${bytes}`, network), log: logInto([]) })
    t.teardown(() => verifier.close())
    const said = new Set<string>()
    await until(async () => {
      for (const { accessToken } of [stays, leaves]) said.add(await verdict(verifier.verify(accessToken)))
      return /cut off/.test(verifier.status().lastError ?? '')
    }, 'the feed is cut')
    said.delete('keys_unavailable')
    t.strictSame([...said], ['revocations_stale'], `after ${bytes} bytes, nothing is decided`)
    const { position, revocations } = verifier.status()
    t.equal(position, undefined, `${revocations} entries have arrived`)

    await network.heal()
    await verifier.ready({ timeoutMs: READY_MS })
    t.equal(verifier.status().revocations, ENTRIES + 1, 'all entries have arrived')
    t.equal(await verdict(verifier.verify(stays.accessToken)), 'valid')
    t.equal(await verdict(verifier.verify(leaves.accessToken)), 'token_revoked')
  }
  const step = (LAST_CUT - FIRST_CUT) / CUTS
  const cuts = Array.from({ length: CUTS }, (_, n) => Math.floor(FIRST_CUT + step * (n + Math.random())))
  await Promise.all(cuts.map(tryCut))
})

t.test('verifiers miss nothing while their connections are cut again and again', ONLY_IN_FULL, async t => {
  const instances = await startFeedInstances(t)
  const verifiers = await startThreeVerifiers(t, instances)
  const [network] = instances.networks
  await runFeedRow(t, {
    fault: 'the feed is cut at random bytes',
    ...instances,
    verifiers,
    // In the middle of an event, or of an answer.
    begin: () => network.cutEach(() => Math.floor(200 + Math.random() * 6000), 'down'),
    lastsMs: 15_000,
    end: network.heal,
  })
})

t.test('verifiers miss nothing when the network becomes silent and keeps the connections open', async t => {
  const instances = await startFeedInstances(t)
  const verifiers = await startThreeVerifiers(t, instances)
  const [network] = instances.networks
  await runFeedRow(t, {
    fault: 'half-open connections',
    ...instances,
    verifiers,
    begin: () => network.blackHole(),
    lastsMs: 1500,
    // The old connections stay silent, as behind a firewall that forgot them.
    end: network.heal,
  })
})

t.test('only verifiers that are cut off for longer than their bound answer 503', ONLY_IN_FULL, async t => {
  const instances = await startFeedInstances(t)
  const verifiers = await startThreeVerifiers(t, instances, 10)
  const [network] = instances.networks
  await runFeedRow(t, {
    fault: 'half-open connections for long',
    ...instances,
    verifiers,
    begin: () => network.blackHole('down'),
    lastsMs: 18_000,
    end: network.heal,
    cutOff: ['first', 'elsewhere'],
    laggards: ['first', 'elsewhere'],
  })
})

t.test('verifiers miss nothing while what they are sent arrives seconds later', ONLY_IN_FULL, async t => {
  const instances = await startFeedInstances(t)
  const verifiers = await startThreeVerifiers(t, instances, 20)
  const [network] = instances.networks
  await runFeedRow(t, {
    fault: 'the network delays everything by 2 s',
    ...instances,
    verifiers,
    begin: () => network.delay(2000),
    lastsMs: 12_000,
    end: network.heal,
  })
})

t.test('what verifiers answered during faults of their network is printed as a table', async t => printFeedTable(t))
