import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import t, { type Test } from 'tap'
import { controlPostgres } from '../support/controlled-postgres.js'
import { signUp, verify } from '../support/people.js'
import { startInstances } from './instances.js'
import { postgresAway as away, ONLY_IN_FULL, printTable, runRow } from './run-row.js'

// Faults of the Postgres server. The network to it works.

async function ownPostgres(t: Test) {
  const server = await controlPostgres(t)
  const instances = await startInstances(t, { postgresUrl: server.url })
  return { server, instances }
}

t.test('no session is lost while Postgres is frozen for three seconds', ONLY_IN_FULL, async t => {
  const { server, instances } = await ownPostgres(t)
  // A request that has a connection waits. One that needs a new connection is answered 503 after two seconds.
  const orLater = {
    login: [200, 503],
    refresh: [200, 503],
    profile: [200, 503],
    sessions: [200, 503],
    logout: [204, 503],
  }
  const expect = { ...orLater, readyz: ['degraded', 200] }
  const begin = () => server.freeze()
  await runRow(t, {
    lastsMs: 3000,
    fault: 'Postgres is frozen',
    instances,
    begin,
    end: server.thaw,
    expect,
    worstMs: 7000,
  })
})

t.test('no session is lost when Postgres is killed and started again', async t => {
  const { server, instances } = await ownPostgres(t)
  const end = async () => {
    await server.start()
    instances.postgres.retarget(server.url)
  }
  await runRow(t, { ...away, lastsMs: 2500, fault: 'Postgres is killed', instances, begin: server.kill, end })
})

t.test('after a restart of Postgres the whole journal is read again', async t => {
  const { server, instances } = await ownPostgres(t)
  const ada = await signUp(instances.a.app)
  const admin = postgres(server.url, { max: 1 })
  // A server that took over may hold such an entry: reading from the cursor on does not find it.
  await admin`insert into revocations (xid, kind, subject, reason, expires_at)
    values ('3', 'session', ${ada.sessionId}, 'logout', now() + interval '1 hour')`
  await admin.end()
  await sleep(2500)
  t.equal(await verify(instances.a.app, ada.accessToken), 200, 'the cursor is beyond it')
  await server.kill()
  await server.start()
  instances.postgres.retarget(server.url)
  for (const { app } of [instances.a, instances.b]) {
    const end = performance.now() + 10_000
    while ((await verify(app, ada.accessToken)) === 200 && performance.now() < end) await sleep(20)
    t.equal(await verify(app, ada.accessToken), 'token_revoked')
  }
})

t.test('no session is lost while Postgres is read-only', async t => {
  const { server, instances } = await ownPostgres(t)
  const setReadOnly = async (value: 'on' | 'off') => {
    const admin = postgres(server.url, { max: 1, connection: { default_transaction_read_only: false } })
    await admin.unsafe(`alter system set default_transaction_read_only = ${value}`)
    await admin`select pg_reload_conf()`
    await admin.end()
    await sleep(200)
  }
  const expect = { ...away.expect, profile: [200], sessions: [200], readyz: [200, 'degraded'] }
  const begin = () => setReadOnly('on')
  const end = () => setReadOnly('off')
  await runRow(t, { ...away, expect, lastsMs: 2500, fault: 'Postgres is read-only', instances, begin, end })
})

t.test('what each endpoint answered during faults of the Postgres server is printed as a table', async t =>
  printTable(t),
)
