import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { LEASE_SECONDS } from '../../src/revocations/feed/leased-registry.js'
import type { VerifierStore } from '../../src/revocations/feed/verifier-store.js'
import { until } from '../support/eventually.js'
import { newVerifier, openRegistry } from './open-registry.js'
import { testRegistry } from './registered-verifiers.js'

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

t.test('verifiers that connect at the same moment get each its own outcome', async t => {
  const stores = await testRegistry(t)
  const registry = openRegistry(t, stores)
  const [clientId, verifier] = [await stores.newClient(), await newVerifier(stores)]
  const connections = Array.from({ length: 60 }, () => ({
    ...verifier,
    verifierId: randomUUID(),
    connectionId: randomUUID(),
  }))
  const isTaken = connections.map((_, place) => place % 3 === 0)
  const taken = connections.filter((_, place) => isTaken[place])
  const others = taken.map(({ verifierId }) => ({ ...verifier, clientId, verifierId, connectionId: randomUUID() }))
  await Promise.all(others.map(other => registry.register(other)))
  const outcomes = await Promise.all(connections.map(connection => registry.register(connection)))
  t.strictSame(
    outcomes,
    isTaken.map(taken => (taken ? 'taken' : 'registered')),
  )
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
  await registry.renewNow()
  t.strictSame(superseded, [verifier.connectionId])
  registry.release(verifier.connectionId)
  await sleep(100)
  t.match(await stores.db.receipts.list(10), [{ disconnectedAt: null }])
})

t.test('after a failover, the instance that a verifier has left does not shorten its time', async t => {
  const stores = await testRegistry(t)
  const [left, present] = [openRegistry(t, stores), openRegistry(t, stores)]
  await left.renewNow()
  const verifier = await newVerifier(stores)
  await left.register(verifier)
  await present.register({ ...verifier, connectionId: randomUUID() })
  left.release(verifier.connectionId)
  await sleep(100)
  // The present instance does not reach the new server yet.
  await stores.replaceServer()
  await left.renewNow()
  await stores.database.shiftClock(verifier.maxStalenessSeconds + 3)
  t.equal(await stores.isComplete(), false)
})

t.test('a connection that another instance took over is reported', async t => {
  const stores = await testRegistry(t)
  const [first, second] = [openRegistry(t, stores), openRegistry(t, stores)]
  const superseded: string[] = []
  first.onAbandoned(connectionId => void superseded.push(connectionId))
  const verifier = await newVerifier(stores)
  await first.register(verifier)
  await second.register({ ...verifier, connectionId: randomUUID() })
  await first.renewNow()
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
  await registry.renewNow()
  t.strictSame(ended, [silent.connectionId])
})

t.test('a connection whose lease has ended is ended, and so is one whose row is missing', async t => {
  const stores = await testRegistry(t)
  const registry = openRegistry(t, stores)
  const ended: string[] = []
  registry.onAbandoned(connectionId => void ended.push(connectionId))
  const [late, missing] = [await newVerifier(stores), await newVerifier(stores)]
  for (const verifier of [late, missing]) await registry.register(verifier)
  await stores.database.shiftClock(LEASE_SECONDS + late.maxStalenessSeconds + 1)
  await stores.database.admin`delete from verifiers where id = ${missing.verifierId}`
  await registry.renewNow()
  t.strictSame(new Set(ended), new Set([late.connectionId, missing.connectionId]))
  t.equal(await stores.isComplete(), true)
  t.equal(registry.asOfLimitMs, Number.POSITIVE_INFINITY)
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
  await registry.renewNow()
  t.equal(registry.asOfLimitMs, limit)
  isBroken = false
  await registry.renewNow()
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

t.test('an instance that shuts down releases its verifiers', async t => {
  const stores = await testRegistry(t)
  const registry = openRegistry(t, stores)
  await registry.register(await newVerifier(stores))
  await registry.close()
  t.match(await stores.db.receipts.list(10), [{ disconnectedAt: Date }])
})
