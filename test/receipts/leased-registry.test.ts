import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { LEASE_SECONDS, LeasedRegistry } from '../../src/revocations/feed/leased-registry.js'
import type { VerifierStore } from '../../src/revocations/feed/verifier-store.js'
import { until } from '../support/eventually.js'
import { quietLog } from '../support/servers/quiet-log.js'
import { type TestRegistry, testRegistry } from './registered-verifiers.js'

function openRegistry(
  t: Test,
  { db }: TestRegistry,
  { store = db.verifiers as VerifierStore, renewEveryMs = 60_000 } = {},
) {
  const log = quietLog()
  const registry = new LeasedRegistry({ store, instance: 'a', log, renewEveryMs })
  t.teardown(() => registry.close())
  return Object.assign(registry, { log })
}

async function newVerifier(registry: TestRegistry) {
  return {
    verifierId: randomUUID(),
    clientId: await registry.newClient(),
    name: 'shop',
    maxStalenessSeconds: 30,
    connectionId: randomUUID(),
  }
}

t.test('verifiers that connect at the same moment are registered by few statements', async t => {
  const stores = await testRegistry(t)
  const registry = openRegistry(t, stores)
  const clientId = await stores.newClient()
  const verifier = await newVerifier(stores)
  const sent = stores.db.statementsSent
  const outcomes = await Promise.all(
    Array.from({ length: 200 }, () =>
      registry.register({ ...verifier, clientId, verifierId: randomUUID(), connectionId: randomUUID() }),
    ),
  )
  t.ok(outcomes.every(outcome => outcome === 'registered'))
  t.ok(stores.db.statementsSent - sent <= 2)
  t.equal((await stores.db.receipts.list(1000)).length, 200)
})

t.test('the id of another client’s verifier is taken, and a client that was removed registers nothing', async t => {
  const stores = await testRegistry(t)
  const registry = openRegistry(t, stores)
  const verifier = await newVerifier(stores)
  t.equal(await registry.register(verifier), 'registered')
  const other = { ...verifier, clientId: await stores.newClient(), connectionId: randomUUID() }
  t.equal(await registry.register(other), 'taken')
  const removed = { ...verifier, clientId: randomUUID(), verifierId: randomUUID(), connectionId: randomUUID() }
  await t.rejects(registry.register(removed), { code: 'token_invalid' })
})

t.test('two connections of one verifier at once: the later one counts', async t => {
  const stores = await testRegistry(t)
  const registry = openRegistry(t, stores)
  const superseded: string[] = []
  registry.onAbandoned(connectionId => void superseded.push(connectionId))
  const verifier = await newVerifier(stores)
  const later = { ...verifier, connectionId: randomUUID() }
  t.strictSame(await Promise.all([registry.register(verifier), registry.register(later)]), ['registered', 'registered'])
  await registry.serverReplaced()
  t.strictSame(superseded, [verifier.connectionId])
  registry.release(verifier.connectionId)
  await sleep(100)
  t.match(await stores.db.receipts.list(10), [{ disconnectedAt: null }])
})

t.test('a connection that another instance took over is reported', async t => {
  const stores = await testRegistry(t)
  const [first, second] = [openRegistry(t, stores), openRegistry(t, stores)]
  const superseded: string[] = []
  first.onAbandoned(connectionId => void superseded.push(connectionId))
  const verifier = await newVerifier(stores)
  await first.register(verifier)
  await second.register({ ...verifier, connectionId: randomUUID() })
  await first.serverReplaced()
  t.strictSame(superseded, [verifier.connectionId])
})

t.test('a connection whose verifier confirms nothing is ended', async t => {
  const stores = await testRegistry(t)
  const registry = openRegistry(t, stores)
  const ended: string[] = []
  registry.onAbandoned(connectionId => void ended.push(connectionId))
  const [silent, alive] = [await newVerifier(stores), await newVerifier(stores)]
  for (const verifier of [silent, alive]) await registry.register(verifier)
  await stores.database.shiftClock(50)
  await stores.confirm(alive, await stores.position())
  await registry.serverReplaced()
  t.strictSame(ended, [silent.connectionId])
})

t.test('a connection that ends while it is registered is released', async t => {
  const stores = await testRegistry(t)
  const registry = openRegistry(t, stores)
  const verifier = await newVerifier(stores)
  const registered = registry.register(verifier)
  registry.release(verifier.connectionId)
  await registered
  await until(async () => (await stores.db.receipts.list(10))[0]?.disconnectedAt !== null)
  t.equal(registry.asOfLimitMs, Number.POSITIVE_INFINITY)
})

t.test('an instance sends no news beyond the leases of its verifiers', async t => {
  const stores = await testRegistry(t)
  let isBroken = false
  const store: VerifierStore = {
    ...stores.db.verifiers,
    async renew(connections, leaseSeconds) {
      if (isBroken) throw new Error('no database')
      return stores.db.verifiers.renew(connections, leaseSeconds)
    },
  }
  const registry = openRegistry(t, stores, { store })
  t.equal(registry.asOfLimitMs, Number.POSITIVE_INFINITY, 'without verifiers there is no limit')
  const before = performance.now()
  const verifier = await newVerifier(stores)
  await registry.register(verifier)
  const limit = registry.asOfLimitMs
  t.ok(limit > before && limit < before + LEASE_SECONDS * 1000)

  isBroken = true
  await registry.serverReplaced()
  t.equal(registry.asOfLimitMs, limit)
  isBroken = false
  await registry.serverReplaced()
  t.ok(registry.asOfLimitMs > limit)
  t.match(registry.log.lines, [/Could not renew the leases/, /Works again/])
  registry.release(verifier.connectionId)
  t.equal(registry.asOfLimitMs, Number.POSITIVE_INFINITY)
})

t.test('the lease in the database covers the bound of the verifier after the last news', async t => {
  const stores = await testRegistry(t)
  const registry = openRegistry(t, stores)
  const verifier = await newVerifier(stores)
  await registry.register(verifier)
  const [listed] = await stores.db.receipts.list(1)
  const lastAsOf = Date.now() + (registry.asOfLimitMs - performance.now())
  t.ok(listed!.liveUntil.getTime() >= lastAsOf + verifier.maxStalenessSeconds * 1000)
})

t.test('a release that fails is tried again', async t => {
  const stores = await testRegistry(t)
  let failures = 2
  const store: VerifierStore = {
    ...stores.db.verifiers,
    async release(connectionIds, marginSeconds) {
      if (failures-- > 0) throw new Error('no database')
      await stores.db.verifiers.release(connectionIds, marginSeconds)
    },
  }
  const registry = openRegistry(t, stores, { store, renewEveryMs: 20 })
  const verifier = await newVerifier(stores)
  await registry.register(verifier)
  registry.release(verifier.connectionId)
  await until(async () => (await stores.db.receipts.list(10))[0]?.disconnectedAt !== null)
  t.match(registry.log.lines, [/Could not release verifiers/, /Works again/])
})

t.test('verifiers that a failover lost are registered again, with nothing confirmed', async t => {
  const stores = await testRegistry(t)
  const registry = openRegistry(t, stores)
  const verifiers = [await newVerifier(stores), await newVerifier(stores)]
  for (const verifier of verifiers) {
    await registry.register(verifier)
    await stores.confirm(verifier, await stores.position())
  }
  t.equal(await stores.isComplete(), true)
  const { serverStart } = await stores.position()
  t.equal(registry.isRegisteredOn(serverStart), true)
  t.equal(registry.isRegisteredOn('another'), false)
  await stores.database.admin`delete from verifiers where id = ${verifiers[0]!.verifierId}`
  await stores.database.admin`update verifiers set server_start = '1795870000.5'`

  await registry.serverReplaced()
  t.equal((await stores.db.receipts.list(10)).length, 2)
  t.equal(await stores.isComplete(), false)
  await stores.confirm(verifiers[0]!, await stores.position())
  t.equal(await stores.isComplete(), true)
})

t.test('a verifier that was cut off before a failover is registered again until its bound is over', async t => {
  const stores = await testRegistry(t)
  const registry = openRegistry(t, stores)
  const verifier = await newVerifier(stores)
  await registry.register(verifier)
  registry.release(verifier.connectionId)
  await until(async () => (await stores.db.receipts.list(10))[0]?.disconnectedAt !== null)
  await stores.database.admin`delete from verifiers`
  await registry.serverReplaced()
  t.match(await stores.db.receipts.list(10), [{ id: verifier.verifierId, disconnectedAt: Date, isLive: true }])
  t.equal(await stores.isComplete(), false)
  await stores.database.shiftClock(verifier.maxStalenessSeconds + 3)
  t.equal(await stores.isComplete(), true)
})

t.test('a verifier that has connected elsewhere since is not registered again', async t => {
  const stores = await testRegistry(t)
  const [first, second] = [openRegistry(t, stores), openRegistry(t, stores)]
  const verifier = await newVerifier(stores)
  await first.register(verifier)
  first.release(verifier.connectionId)
  await second.register({ ...verifier, connectionId: randomUUID() })
  await stores.database.admin`delete from verifiers`
  await second.serverReplaced()
  await first.serverReplaced()
  t.match(await stores.db.receipts.list(10), [{ disconnectedAt: null }])
  await stores.database.admin`delete from verifiers`
  await first.serverReplaced()
  await second.serverReplaced()
  t.match(await stores.db.receipts.list(10), [{ disconnectedAt: null }], 'in the other order too')
})

t.test('an instance that shuts down releases its verifiers', async t => {
  const stores = await testRegistry(t)
  const registry = openRegistry(t, stores)
  await registry.register(await newVerifier(stores))
  await registry.close()
  t.match(await stores.db.receipts.list(10), [{ disconnectedAt: Date }])
})
