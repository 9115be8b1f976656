import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { post, refresh, signUp, verify } from '../support/people.js'
import { startInstances } from './instances.js'
import { postgresAway as away, ONLY_IN_FULL, printTable, runRow } from './run-row.js'

/** Until the journal is read once after the connection to the stream; from then on the stream alone is enough. */
const untilStreamCounts = () => sleep(2500)

t.test('no session is lost while Postgres refuses connections', async t => {
  const instances = await startInstances(t)
  const network = instances.postgres
  await runRow(t, {
    ...away,
    lastsMs: 3000,
    fault: 'Postgres refuses',
    instances,
    begin: network.refuse,
    end: network.heal,
  })
})

t.test('no session is lost while all data to Postgres is dropped for 12 s', ONLY_IN_FULL, async t => {
  const instances = await startInstances(t)
  await untilStreamCounts()
  const network = instances.postgres
  const begin = () => network.blackHole()
  await runRow(t, { ...away, lastsMs: 12_000, fault: 'Postgres in a black hole', instances, begin, end: network.heal })
})

t.test('no session is lost while data to Postgres is dropped for 1 s, and old connections stay silent', async t => {
  const instances = await startInstances(t, { env: { DATABASE_TIMEOUT: '2s' } })
  const network = instances.postgres
  const begin = () => network.blackHole('up')
  await runRow(t, {
    ...away,
    lastsMs: 1000,
    fault: 'Postgres in a black hole, 1 s',
    instances,
    begin,
    end: network.heal,
  })
})

t.test('no session is lost while the network to Postgres is slow', ONLY_IN_FULL, async t => {
  const instances = await startInstances(t)
  const network = instances.postgres
  const begin = () => network.delay(100)
  await runRow(t, {
    lastsMs: 3000,
    fault: 'Postgres is slow',
    instances,
    begin,
    end: network.heal,
    expect: {},
    worstMs: 5000,
  })
})

t.test('with Redis, tokens are verified however long Postgres is down', ONLY_IN_FULL, async t => {
  const instances = await startInstances(t, { env: { REVOCATION_MAX_STALENESS: '2s' } })
  await untilStreamCounts()
  const network = instances.postgres
  await runRow(t, {
    ...away,
    lastsMs: 5000,
    fault: 'Postgres down for long',
    instances,
    begin: network.refuse,
    end: network.heal,
  })
})

t.test('tokens are answered 503 once both stores are down for REVOCATION_MAX_STALENESS', async t => {
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
  const traffic = await runRow(t, {
    ...away,
    expect,
    lastsMs: 2000,
    fault: 'both stores down for long',
    instances,
    begin,
    end,
  })
  t.ok(traffic.samples.verify.some(({ status }) => status === 503))
})

t.test('a token that is known to be revoked gets token_revoked however long both stores are down', async t => {
  const { a, postgres: network, redis } = await startInstances(t, { env: { REVOCATION_MAX_STALENESS: '2s' } })
  const ada = await signUp(a.app)
  t.equal((await post(a.app, '/auth/logout', { refresh_token: ada.refreshToken })).statusCode, 204)
  await Promise.all([network.refuse(), redis.refuse()])
  await sleep(2500)
  t.equal(await verify(a.app, ada.accessToken), 'token_revoked')
})

t.test('no session is lost while the clocks of two instances are 30 s apart', async t => {
  const clocks: [() => number, () => number] = [() => Date.now() - 15_000, () => Date.now() + 15_000]
  const instances = await startInstances(t, { clocks })
  const nothing = () => {}
  await runRow(t, {
    expect: {},
    worstMs: 5000,
    lastsMs: 2500,
    fault: 'clocks 30 s apart',
    instances,
    begin: nothing,
    end: nothing,
  })
  const ada = await signUp(instances.a.app)
  t.equal((await refresh(instances.b.app, ada.refreshToken)).statusCode, 200)
})

t.test('what each endpoint answered without a connection to Postgres is printed as a table', async t => printTable(t))
