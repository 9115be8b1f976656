import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { LEASE_SECONDS, MARGIN_SECONDS, testRegistry } from './registered-verifiers.js'

t.test('a verifier whose connection ended is live until its bound of staleness is over', async t => {
  const { db, database, connect, isComplete } = await testRegistry(t)
  const { connectionId } = await connect({ maxStalenessSeconds: 30 })
  await db.verifiers.release([{ connectionId, hasNoList: false }], MARGIN_SECONDS)
  t.equal(await isComplete(), false)
  await database.shiftClock(30)
  t.equal(await isComplete(), false)
  await database.shiftClock(30 + MARGIN_SECONDS + 1)
  t.equal(await isComplete(), true)
  t.match(await db.receipts.list(10), [{ isLive: false, disconnectedAt: Date }])
})

t.test('a late connection that ends at once does not shorten the time of the one that is still open', async t => {
  const { db, database, connect, isComplete } = await testRegistry(t)
  const open = await connect({ maxStalenessSeconds: 30 })
  const late = await connect({ ...open, connectionId: randomUUID(), instance: 'b' })
  await db.verifiers.release([{ connectionId: late.connectionId, hasNoList: false }], MARGIN_SECONDS)
  await database.shiftClock(LEASE_SECONDS + 29)
  t.equal(await isComplete(), false, 'the instance of the first connection may still send news')
  await database.shiftClock(LEASE_SECONDS + 31)
  t.equal(await isComplete(), true)
})

t.test('an earlier connection that has ended does not count', async t => {
  const { db, database, connect, isComplete } = await testRegistry(t)
  const first = await connect({ maxStalenessSeconds: 30 })
  await db.verifiers.release([{ connectionId: first.connectionId, hasNoList: false }], MARGIN_SECONDS)
  const second = await connect({ ...first, connectionId: randomUUID() })
  await db.verifiers.release([{ connectionId: second.connectionId, hasNoList: false }], MARGIN_SECONDS)
  await database.shiftClock(30 + MARGIN_SECONDS + 1)
  t.equal(await isComplete(), true)
})

t.test('a verifier whose instance was killed is live until its lease and its bound are over', async t => {
  const { database, connect, isComplete } = await testRegistry(t)
  await connect({ maxStalenessSeconds: 30 })
  await database.shiftClock(LEASE_SECONDS + 29)
  t.equal(await isComplete(), false)
  await database.shiftClock(LEASE_SECONDS + 31)
  t.equal(await isComplete(), true)
})

t.test('a lease that has ended is not renewed', async t => {
  const { db, database, connect, isComplete } = await testRegistry(t)
  const connection = await connect({ maxStalenessSeconds: 30 })
  await database.shiftClock(LEASE_SECONDS + 31)
  t.match(await db.verifiers.renew([connection], LEASE_SECONDS), [{ isRenewed: false }])
  t.equal(await isComplete(), true)
})

t.test('a lease that ends while its renewal waits for the row is not renewed', async t => {
  const { db, database, connect } = await testRegistry(t)
  const connection = await connect({ maxStalenessSeconds: 30 })
  let renewing: ReturnType<typeof db.verifiers.renew> | undefined
  await database.admin.begin(async transaction => {
    await transaction`update verifiers set live_until = clock_timestamp() + interval '300 ms'`
    renewing = db.verifiers.renew([connection], LEASE_SECONDS)
    await sleep(700)
  })
  t.match(await renewing, [{ isRenewed: false }])
})

t.test('a renewed lease keeps a verifier live', async t => {
  const { db, database, connect, isComplete } = await testRegistry(t)
  const connection = await connect({ maxStalenessSeconds: 30 })
  await database.shiftClock(LEASE_SECONDS)
  t.match(await db.verifiers.renew([connection], LEASE_SECONDS), [{ isRenewed: true }])
  await database.shiftClock(2 * LEASE_SECONDS + 29)
  t.equal(await isComplete(), false)
})

t.test('a verifier that connects again keeps what it has confirmed', async t => {
  const { connect, revoke, isComplete, position, confirm, lagging } = await testRegistry(t)
  const verifier = await connect()
  await confirm(verifier, await position())
  await connect({ ...verifier, connectionId: randomUUID(), instance: 'b' })
  t.equal(await isComplete(), true)
  await revoke()
  t.strictSame(await lagging((await position()).snapshot), [verifier.verifierId])
})

t.test('the end of a connection does nothing once the verifier has a newer one', async t => {
  const { db, database, connect, isComplete } = await testRegistry(t)
  const old = await connect({ maxStalenessSeconds: 5 })
  const newer = await connect({ ...old, connectionId: randomUUID(), instance: 'b' })
  await db.verifiers.release([{ connectionId: old.connectionId, hasNoList: false }], MARGIN_SECONDS)
  await database.shiftClock(LEASE_SECONDS)
  t.equal(await isComplete(), false)
  const renewed = await db.verifiers.renew([old, newer], LEASE_SECONDS)
  t.match(
    renewed.find(({ connectionId }) => connectionId === old.connectionId),
    { isRenewed: false },
  )
  t.match(
    renewed.find(({ connectionId }) => connectionId === newer.connectionId),
    { isRenewed: true },
  )
})

t.test('a verifier that connects again with a shorter bound stays live for its earlier one', async t => {
  const { db, database, connect, isComplete } = await testRegistry(t)
  const old = await connect({ maxStalenessSeconds: 600 })
  await connect({ ...old, connectionId: randomUUID(), maxStalenessSeconds: 5 })
  await database.shiftClock(LEASE_SECONDS + 590)
  t.equal(await isComplete(), false)
  t.ok((await db.receipts.list(10))[0]!.isLive)
})

t.test('a verifier that closes is removed at once', async t => {
  const { db, connect, isComplete } = await testRegistry(t)
  const verifier = await connect()
  const closing = { ...verifier, serverStart: null, snapshot: null, isClosing: true }
  t.strictSame(await db.verifiers.confirm([closing]), ['accepted'])
  t.equal(await isComplete(), true)
  t.strictSame(await db.receipts.list(10), [])
  t.match(await db.verifiers.renew([verifier], LEASE_SECONDS), [{ isRenewed: false }])
  t.equal(await db.verifiers.removeExpired(10), 1)
})

t.test('another client cannot take the id of a verifier, nor close it', async t => {
  const { db, connect, isComplete, newClient } = await testRegistry(t)
  const verifier = await connect()
  const other = { ...verifier, clientId: await newClient(), connectionId: randomUUID() }
  t.match(await db.verifiers.register([other], LEASE_SECONDS), [{ isRegistered: false, hasClient: true }])
  const closing = { ...other, serverStart: null, snapshot: null, isClosing: true }
  t.strictSame(await db.verifiers.confirm([closing]), ['taken'])
  t.equal(await isComplete(), false)
})

t.test('a verifier whose client was removed is live until its bound is over, and cannot register again', async t => {
  const { db, database, connect, isComplete } = await testRegistry(t)
  const verifier = await connect({ maxStalenessSeconds: 30 })
  await db.clients.remove(`client-${verifier.clientId}`)
  t.equal(await isComplete(), false)
  t.match(await db.receipts.list(10), [{ clientId: null, clientName: null }])
  const again = { ...verifier, connectionId: randomUUID() }
  t.match(await db.verifiers.register([again], LEASE_SECONDS), [{ isRegistered: false, hasClient: false }])
  t.match(await db.verifiers.renew([verifier], LEASE_SECONDS), [{ isRenewed: true }], 'until the feed ends it')
  await db.verifiers.release([{ connectionId: verifier.connectionId, hasNoList: false }], MARGIN_SECONDS)
  await database.shiftClock(33)
  t.equal(await isComplete(), true)
})

t.test('connections are registered again at a server that lost them', async t => {
  const { db, database, connect, isComplete, position, confirm, replaceServer } = await testRegistry(t)
  const [lost, kept] = [await connect(), await connect()]
  for (const verifier of [lost, kept]) await confirm(verifier, await position())
  await database.admin`delete from verifiers where id = ${lost.verifierId}`
  await replaceServer()
  t.equal(await isComplete(), false, 'the position of a verifier that is not registered again does not count')
  for (const renewed of await db.verifiers.renew([lost, kept], LEASE_SECONDS)) t.match(renewed, { isRenewed: false })

  const again = [lost, kept].map(connection => ({ ...connection, ageSeconds: 20 }))
  for (const { isRegistered } of await db.verifiers.register(again, LEASE_SECONDS)) t.equal(isRegistered, true)
  t.equal(await isComplete(), false, 'nothing is confirmed at the new server')
  for (const verifier of [lost, kept]) await confirm(verifier, await position())
  t.equal(await isComplete(), true)
})

t.test('a connection that is registered again does not replace a newer one', async t => {
  const { db, connect } = await testRegistry(t)
  const old = await connect({ ageSeconds: 20 })
  const newer = { ...old, connectionId: randomUUID() }
  await db.verifiers.register([{ ...newer, ageSeconds: 5 }], LEASE_SECONDS)
  t.match(await db.verifiers.register([{ ...old, ageSeconds: 20 }], LEASE_SECONDS), [{ isRegistered: false }])
  t.match(await db.verifiers.renew([newer], LEASE_SECONDS), [{ isRenewed: true }])
})

t.test('the list shows how far each verifier lags, and forgets those that were not live for an hour', async t => {
  const { db, database, connect, revoke, position, confirm } = await testRegistry(t)
  const [current, late, starting] = [
    await connect({ name: 'current' }),
    await connect({ name: 'late' }),
    await connect({ name: 'starting' }),
  ]
  await confirm(late, await position())
  await revoke()
  await confirm(current, await position())
  await database.shiftClock(10)
  const [first, second, third] = await db.receipts.list(10)
  t.match(first, { name: 'current', lagSeconds: 0, isStarting: false, isLive: true, instance: 'a' })
  t.equal(second!.name, 'late')
  t.ok(second!.lagSeconds! >= 10 && second!.lagSeconds! < 20)
  t.match(third, { name: 'starting', lagSeconds: null, isStarting: true, confirmedAt: null })
  t.match(await db.receipts.findLagging((await position()).snapshot, 1), {
    total: 2,
    verifiers: [{ id: starting.verifierId }],
  })
  await database.shiftClock(3600 + LEASE_SECONDS + 61)
  t.equal(await db.verifiers.removeExpired(10), 3)
})

t.test('statements of two instances about the same verifiers do not deadlock', async t => {
  const { db, database, connect, newClient, position } = await testRegistry(t)
  const clientId = await newClient()
  const verifiers = await Promise.all(Array.from({ length: 60 }, () => connect({ clientId })))
  const { serverStart, snapshot } = await position()
  const shuffled = () =>
    verifiers
      .map(verifier => ({ verifier, by: Math.random() }))
      .sort((a, b) => a.by - b.by)
      .map(({ verifier }) => verifier)
  const confirmation = { serverStart, snapshot, isClosing: false }
  await Promise.all(
    Array.from({ length: 40 }, async () => {
      await db.verifiers.renew(shuffled(), LEASE_SECONDS)
      await db.verifiers.confirm(shuffled().map(verifier => ({ ...verifier, ...confirmation })))
      await db.verifiers.register(shuffled(), LEASE_SECONDS)
    }),
  )
  const [row] = await database.admin`select deadlocks from pg_stat_database where datname = current_database()`
  t.equal(row!.deadlocks, '0')
})
