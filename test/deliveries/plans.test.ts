import { randomUUID } from 'node:crypto'
import t from 'tap'
import { openDatabase } from '../../src/postgres/database.js'
import { sentStatements } from '../support/sent-statements.js'
import { createTestDatabase } from '../support/test-database.js'

const WAITING = 2000

t.test('what waits is read once, also if the statistics still say that nothing waits', async t => {
  const { url, admin } = await createTestDatabase(t)
  const db = openDatabase({ url, prepare: true, caFile: undefined, timeoutMs: 10_000, size: 1 })
  t.teardown(() => db.close())
  const receiver = randomUUID()
  const lane = randomUUID()
  // Of the built-in now(): the one that tests can shift cannot be used in the condition of an index.
  await admin`set search_path = public`
  await admin`alter table deliveries set (autovacuum_enabled = false)`
  await admin`analyze deliveries`
  await admin`
    insert into deliveries (receiver_id, event_id, lane)
    select ${receiver}, gen_random_uuid(), case when n % 2 = 0 then gen_random_uuid() else ${lane}::uuid end
    from generate_series(1, ${WAITING}) n`
  const statements = {
    due: () => db.deliveries.due(receiver, 200),
    nextInLane: () => db.deliveries.nextInLane(receiver, lane),
    waitForEarlier: () => db.deliveries.waitForEarlier(receiver),
  }
  await admin`set plan_cache_mode = force_generic_plan`
  for (const [name, run] of Object.entries(statements)) {
    const [statement] = await sentStatements(async () => void (await run()))
    await admin.unsafe(`prepare statement as ${statement!.text}`)
    const values = statement!.parameters.map(value => `'${value}'`).join()
    await admin`begin`
    const [row] = await admin.unsafe(`explain (analyze, buffers, format json) execute statement (${values})`)
    await admin`rollback`
    await admin.unsafe('deallocate statement')
    const { 'Shared Hit Blocks': hit, 'Shared Read Blocks': read } = row!['QUERY PLAN'][0].Plan
    // A row costs a few pages of two indexes; each row compared with each other one would cost hundreds of pages.
    t.ok(hit + read < 8 * WAITING, `${name} reads ${hit + read} pages`)
  }
})
