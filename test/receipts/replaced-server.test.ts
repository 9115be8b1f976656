import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import type { VerifierStore } from '../../src/revocations/feed/verifier-store.js'
import { until } from '../support/eventually.js'
import { newVerifier, openRegistry } from './open-registry.js'
import { LEASE_SECONDS, type TestRegistry, testRegistry } from './registered-verifiers.js'

// After a failover that lost the rows of verifiers, their instances register again all that may accept tokens.

/** Postgres fails over, and no row of a verifier is left. */
async function loseVerifiers({ database, replaceServer }: TestRegistry): Promise<void> {
  await database.admin`delete from verifiers`
  await replaceServer()
}

/** The verifier is known, cut off, and live until its bound is over. */
async function isWaitedFor(t: Test, { db, database, isComplete }: TestRegistry, verifierId: string): Promise<void> {
  t.match(await db.receipts.list(10), [{ id: verifierId, disconnectedAt: Date, isLive: true }])
  t.equal(await isComplete(), false)
  await database.shiftClock(33)
  t.equal(await isComplete(), true)
}

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
  await stores.replaceServer()

  await registry.renewNow()
  t.equal((await stores.db.receipts.list(10)).length, 2)
  t.equal(await stores.isComplete(), false)
  for (const verifier of verifiers) await stores.confirm(verifier, await stores.position())
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
  await stores.replaceServer()
  await registry.renewNow()
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
  await stores.replaceServer()
  await second.renewNow()
  await first.renewNow()
  t.match(await stores.db.receipts.list(10), [{ disconnectedAt: null }])
  await stores.database.admin`delete from verifiers`
  await stores.replaceServer()
  await first.renewNow()
  await second.renewNow()
  t.match(await stores.db.receipts.list(10), [{ disconnectedAt: null }], 'in the other order too')
})

for (const statement of ['renew', 'register'] as const)
  t.test(`a connection that ends while another server is found is registered there (during ${statement})`, async t => {
    const stores = await testRegistry(t)
    const { verifiers } = stores.db
    let meanwhile: (() => void) | undefined
    const during = async <Answer>(name: string, work: () => Promise<Answer>): Promise<Answer> => {
      if (name === statement) meanwhile?.()
      return work()
    }
    const store: VerifierStore = {
      ...verifiers,
      renew: (...given) => during('renew', () => verifiers.renew(...given)),
      register: (...given) => during('register', () => verifiers.register(...given)),
    }
    const registry = openRegistry(t, stores, { store })
    const verifier = await newVerifier(stores)
    await registry.register(verifier)
    await loseVerifiers(stores)
    const { serverStart } = await stores.position()
    meanwhile = () => registry.release(verifier.connectionId)
    await registry.renewNow()
    t.equal(registry.isRegisteredOn(serverStart), true)
    await isWaitedFor(t, stores, verifier.verifierId)
  })

t.test('a connection that ended on the previous server keeps the instance from being settled', async t => {
  const stores = await testRegistry(t)
  const registry = openRegistry(t, stores)
  const verifier = await newVerifier(stores)
  await registry.register(verifier)
  registry.release(verifier.connectionId)
  const { serverStart } = await stores.position()
  t.equal(registry.isRegisteredOn(serverStart), true)
  await loseVerifiers(stores)
  const { serverStart: another } = await stores.position()
  t.equal(registry.isRegisteredOn(another), false)
  await registry.renewNow()
  t.equal(registry.isRegisteredOn(another), true)
})

t.test('a second failover while verifiers are registered again: they are registered at the last server', async t => {
  const stores = await testRegistry(t)
  const { verifiers } = stores.db
  let isFirst = true
  const store: VerifierStore = {
    ...verifiers,
    async register(connections, leaseSeconds) {
      const answer = await verifiers.register(connections, leaseSeconds)
      if (connections[0]!.ageSeconds > 0 && isFirst) {
        isFirst = false
        await loseVerifiers(stores)
        again = registry.renewNow()
        await stores.position()
      }
      return answer
    },
  }
  const registry = openRegistry(t, stores, { store })
  let again = Promise.resolve()
  const verifier = await newVerifier(stores)
  await registry.register(verifier)
  registry.release(verifier.connectionId)
  await loseVerifiers(stores)
  await registry.renewNow()
  await again
  await isWaitedFor(t, stores, verifier.verifierId)
})

t.test('a verifier whose next connection ended while it was registered is registered again', async t => {
  const stores = await testRegistry(t)
  const registry = openRegistry(t, stores)
  const verifier = await newVerifier(stores)
  await registry.register(verifier)
  registry.release(verifier.connectionId)
  const next = { ...verifier, connectionId: randomUUID() }
  const registered = registry.register(next)
  registry.release(next.connectionId)
  await registered
  await until(async () => (await stores.db.receipts.list(10))[0]?.disconnectedAt !== null)
  await loseVerifiers(stores)
  await registry.renewNow()
  await isWaitedFor(t, stores, verifier.verifierId)
})

t.test('a verifier that left without a list had one before, on a connection that this instance remembers', async t => {
  const stores = await testRegistry(t)
  const registry = openRegistry(t, stores)
  const verifier = await newVerifier(stores)
  await registry.register(verifier)
  registry.release(verifier.connectionId)
  await loseVerifiers(stores)
  const next = { ...verifier, connectionId: randomUUID() }
  await registry.register(next)
  registry.release(next.connectionId, false)
  await registry.renewNow()
  await until(async () => (await stores.db.receipts.list(10))[0]?.disconnectedAt !== null)
  await isWaitedFor(t, stores, verifier.verifierId)
})

t.test('a verifier that moved to an instance that is gone is registered again by the one it came from', async t => {
  const stores = await testRegistry(t)
  const registry = openRegistry(t, stores)
  const verifier = await newVerifier(stores)
  await registry.register(verifier)
  await stores.connect({ ...verifier, connectionId: randomUUID(), instance: 'b' })
  await registry.renewNow()
  await loseVerifiers(stores)
  await registry.renewNow()
  await isWaitedFor(t, stores, verifier.verifierId)
})

t.test('a registration that the previous server answers late is made again at the new one', async t => {
  const stores = await testRegistry(t)
  const { verifiers } = stores.db
  const store: VerifierStore = {
    ...verifiers,
    async register(connections, leaseSeconds) {
      const answer = await verifiers.register(connections, leaseSeconds)
      if (connections[0]!.ageSeconds === 0) {
        await loseVerifiers(stores)
        await registry.renewNow()
      }
      return answer
    },
  }
  const registry = openRegistry(t, stores, { store })
  const verifier = await newVerifier(stores)
  t.equal(await registry.register(verifier), 'registered')
  await until(async () => (await stores.db.receipts.list(10)).length === 1)
  t.equal(registry.isRegisteredOn((await stores.position()).serverStart), true)
})

t.test('a lease that ended before the new server was found is not renewed there', async t => {
  const stores = await testRegistry(t)
  const registry = openRegistry(t, stores)
  const ended: string[] = []
  registry.onAbandoned(connectionId => void ended.push(connectionId))
  const verifier = await newVerifier(stores)
  await registry.register(verifier)
  await loseVerifiers(stores)
  const { now } = performance
  t.teardown(() => Object.assign(performance, { now }))
  performance.now = () => now.call(performance) + LEASE_SECONDS * 1000
  await registry.renewNow()
  t.strictSame(ended, [verifier.connectionId])
  await isWaitedFor(t, stores, verifier.verifierId)
})
