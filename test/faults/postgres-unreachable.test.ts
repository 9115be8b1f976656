import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { post, refresh, signUp, verify } from '../support/people.js'
import { startInstances } from './instances.js'
import { postgresAway as away, ONLY_IN_FULL, printTable, runRow } from './run-row.js'

/** From the first journal read after its stream is connected on, an instance may go by the stream alone. */
const untilStreamCounts = () => sleep(2500)

// While Postgres is away verification goes on, and nothing else claims to have happened.
t.test('Postgres refuses', async t => {
  const instances = await startInstances(t)
  const network = instances.postgres
  await runRow(t, { ...away, lastsMs: 3000, fault: t.name, instances, begin: network.refuse, end: network.heal })
})

t.test('Postgres is in a black hole for long', ONLY_IN_FULL, async t => {
  const instances = await startInstances(t)
  await untilStreamCounts()
  const network = instances.postgres
  const begin = () => network.blackHole()
  await runRow(t, { ...away, lastsMs: 12_000, fault: t.name, instances, begin, end: network.heal })
})

t.test('Postgres does not hear us for a moment, and forgets the connections of before', async t => {
  const instances = await startInstances(t, { env: { DATABASE_TIMEOUT: '2s' } })
  const network = instances.postgres
  const begin = () => network.blackHole('up')
  await runRow(t, {
    ...away,
    lastsMs: 1000,
    fault: t.name,
    instances,
    begin,
    end: network.heal,
  })
})

t.test('Postgres is slow', ONLY_IN_FULL, async t => {
  const instances = await startInstances(t)
  const network = instances.postgres
  const begin = () => network.delay(100)
  await runRow(t, { lastsMs: 3000, fault: t.name, instances, begin, end: network.heal, expect: {}, worstMs: 5000 })
})

t.test('Postgres is away for longer than revocations may be unknown, and Redis is not', ONLY_IN_FULL, async t => {
  const instances = await startInstances(t, { env: { REVOCATION_MAX_STALENESS: '2s' } })
  await untilStreamCounts()
  const network = instances.postgres
  await runRow(t, { ...away, lastsMs: 5000, fault: t.name, instances, begin: network.refuse, end: network.heal })
})

t.test('both are away for longer than revocations may be unknown', async t => {
  const instances = await startInstances(t, { env: { REVOCATION_MAX_STALENESS: '2s' } })
  const { postgres: network, redis } = instances
  const ada = await signUp(instances.a.app)
  const begin = async () => {
    await Promise.all([network.refuse(), redis.refuse()])
    t.equal(await verify(instances.a.app, ada.accessToken), 200, 'verification goes on at first')
    await sleep(3000)
  }
  const end = async () => {
    for (const { app } of [instances.a, instances.b]) {
      const answer = await post(app, '/auth/verify', { token: ada.accessToken })
      t.equal(answer.json().code, 'revocations_stale')
    }
    await Promise.all([network.heal(), redis.heal()])
  }
  const expect = { ...away.expect, verify: [503], readyz: ['stale'] }
  const traffic = await runRow(t, { ...away, expect, lastsMs: 2000, fault: t.name, instances, begin, end })
  t.ok(traffic.samples.verify.some(({ status }) => status === 503))
})

t.test('what is known to be revoked is refused as revoked however long both are away', async t => {
  const { a, postgres: network, redis } = await startInstances(t, { env: { REVOCATION_MAX_STALENESS: '2s' } })
  const ada = await signUp(a.app)
  t.equal((await post(a.app, '/auth/logout', { refresh_token: ada.refreshToken })).statusCode, 204)
  await Promise.all([network.refuse(), redis.refuse()])
  await sleep(2500)
  t.equal(await verify(a.app, ada.accessToken), 'token_revoked')
})

t.test('clocks are 30 s apart', async t => {
  const clocks: [() => number, () => number] = [() => Date.now() - 15_000, () => Date.now() + 15_000]
  const instances = await startInstances(t, { clocks })
  const nothing = () => {}
  await runRow(t, { expect: {}, worstMs: 1000, lastsMs: 2500, fault: t.name, instances, begin: nothing, end: nothing })
  const ada = await signUp(instances.a.app)
  t.equal((await refresh(instances.b.app, ada.refreshToken)).statusCode, 200)
})

t.test('the table', async t => printTable(t))
