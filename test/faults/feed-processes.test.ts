import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { until } from '../support/eventually.js'
import { createTestDatabase } from '../support/test-database.js'
import { followerOptions, startFeedInstances, startThreeVerifiers } from './feed-instances.js'
import { printFeedTable, runFeedRow } from './run-feed-row.js'
import { ONLY_IN_FULL } from './run-row.js'
import { monotonicMs } from './token-watch.js'
import { watchElsewhere, watchHere } from './watching-verifier.js'

// Faults of the processes that verify.

t.test('a process that was stopped reads the feed before it accepts a token again', async t => {
  const instances = await startFeedInstances(t)
  const verifiers = await startThreeVerifiers(t, instances)
  const [witness, , stopped] = verifiers
  let continuedAtMs = 0
  let sentIds: number[] = []
  await runFeedRow(t, {
    fault: 'a verifier is stopped for 3 s',
    ...instances,
    verifiers,
    begin: () => stopped.signal('SIGSTOP'),
    lastsMs: 3000,
    end: async () => {
      // What another verifier of this instance refuses was sent to all of them.
      const { episodes } = await witness.report()
      sentIds = episodes.filter(([, said]) => said.at(-1)?.verdict === 'token_revoked').map(([id]) => id)
      await sleep(500)
      continuedAtMs = monotonicMs()
      stopped.signal('SIGCONT')
    },
  })
  const { episodes } = await stopped.report()
  const accepted = episodes
    .filter(([id]) => sentIds.includes(id))
    .flatMap(([, said]) => said.filter(({ verdict }) => verdict === 'valid'))
    .filter(({ lastAskedAtMs }) => lastAskedAtMs > continuedAtMs)
  t.strictSame(accepted, [], `${sentIds.length} sign-outs were sent before it continued`)
})

t.test('a process that was stopped for longer than its bound accepts nothing without news', ONLY_IN_FULL, async t => {
  const instances = await startFeedInstances(t)
  const { follow, networks } = instances
  const verifiers = [
    await watchHere(t, follow('first', networks[0])),
    await watchElsewhere(t, follow('stopped', networks[0], 5)),
    await watchElsewhere(t, follow('stopped-and-cut-off', networks[1], 5)),
  ] as const
  await runFeedRow(t, {
    fault: 'verifiers are stopped for long',
    ...instances,
    verifiers,
    begin: () => {
      for (const { signal } of verifiers.slice(1) as (typeof verifiers)[1][]) signal('SIGSTOP')
      networks[1].blackHole()
    },
    lastsMs: 8000,
    end: async () => {
      for (const { signal } of verifiers.slice(1) as (typeof verifiers)[1][]) signal('SIGCONT')
      await sleep(3000)
      await networks[1].heal()
    },
    cutOff: ['stopped-and-cut-off'],
    mayBeCutOff: ['stopped'],
  })
})

t.test('a verifier that gets a tenth of the time refuses nobody', ONLY_IN_FULL, async t => {
  const instances = await startFeedInstances(t)
  const { follow, networks } = instances
  const slow = await watchElsewhere(t, follow('slow', networks[0], 15))
  const verifiers = [slow, await watchHere(t, follow('first', networks[0]))]
  await runFeedRow(t, {
    fault: 'a verifier gets a tenth of the time',
    ...instances,
    verifiers,
    begin: async () => {
      for (let n = 0; n < 12; n++) {
        slow.signal('SIGSTOP')
        await sleep(900)
        slow.signal('SIGCONT')
        await sleep(100)
      }
    },
    lastsMs: 0,
    end: () => {},
  })
})

t.test('a verifier that reads nothing is dropped, delays no other, and misses nothing', ONLY_IN_FULL, async t => {
  const database = await createTestDatabase(t)
  const instances = await startFeedInstances(t, { postgresUrl: database.url })
  const { a, services, client, networks, follow } = instances
  const dropped = () => a.app.context.feed.counts.disconnectedAsSlow
  // Without a proxy, which would read in its place.
  const slow = await watchElsewhere(t, followerOptions('reads-nothing', services[0], client, 10))
  const verifiers = [slow, await watchHere(t, follow('first', networks[0]))]
  await runFeedRow(t, {
    fault: 'a verifier reads nothing of 10 MB',
    ...instances,
    verifiers,
    begin: async () => {
      slow.signal('SIGSTOP')
      await database.admin`insert into revocations (kind, subject, reason, expires_at)
        select 'session', gen_random_uuid(), 'logout', now() + interval '1 hour' from generate_series(1, 100000)`
      await until(() => dropped() === 1, 'it is dropped', 60_000)
    },
    lastsMs: 1000,
    end: () => slow.signal('SIGCONT'),
    mayBeCutOff: ['reads-nothing'],
    laggards: ['reads-nothing'],
  })
})

t.test('a verifier whose clock is wrong refuses and accepts the same tokens as any other', async t => {
  const instances = await startFeedInstances(t)
  const { follow, networks } = instances
  const minutes = [-10, -0.5, 0.5, 10]
  const verifiers = await Promise.all(
    minutes.map((shift, i) => watchElsewhere(t, follow(`clock${shift}min`, networks[(i % 2) as 0]), shift * 60_000)),
  )
  await runFeedRow(t, {
    fault: 'clocks 30 s and 10 min off',
    ...instances,
    verifiers,
    begin: () => {},
    lastsMs: 2000,
    end: () => {},
  })
})

t.test('what verifiers answered during faults of their processes is printed as a table', async t => printFeedTable(t))
