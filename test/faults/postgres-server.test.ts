import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import t, { type Test } from 'tap'
import { controlPostgres } from '../support/process-control.js'
import { startInstances } from './instances.js'
import { postgresAway as away, ONLY_IN_FULL, printTable, runRow } from './run-row.js'

// What a Postgres goes through that is reached all the time.

async function ownPostgres(t: Test) {
  const server = await controlPostgres(t)
  const instances = await startInstances(t, { postgresUrl: server.url })
  return { server, instances }
}

t.test('Postgres is frozen for three seconds', ONLY_IN_FULL, async t => {
  const { server, instances } = await ownPostgres(t)
  const expect = { readyz: ['degraded', 200] }
  const begin = () => server.freeze()
  await runRow(t, { lastsMs: 3000, fault: t.name, instances, begin, end: server.thaw, expect, worstMs: 7000 })
})

t.test('Postgres is killed and started again', async t => {
  const { server, instances } = await ownPostgres(t)
  const end = async () => {
    await server.start()
    instances.postgres.retarget(server.url)
  }
  await runRow(t, { ...away, lastsMs: 2500, fault: t.name, instances, begin: server.kill, end })
})

t.test('Postgres is read-only', async t => {
  const { server, instances } = await ownPostgres(t)
  const setReadOnly = async (value: 'on' | 'off') => {
    const admin = postgres(server.url, { max: 1, connection: { default_transaction_read_only: false } })
    await admin.unsafe(`alter system set default_transaction_read_only = ${value}`)
    await admin`select pg_reload_conf()`
    await admin.end()
    await sleep(200)
  }
  const expect = { ...away.expect, profile: [200], sessions: [200], readyz: [200] }
  const begin = () => setReadOnly('on')
  const end = () => setReadOnly('off')
  await runRow(t, { ...away, expect, lastsMs: 2500, fault: t.name, instances, begin, end })
})

t.test('the table', async t => printTable(t))
