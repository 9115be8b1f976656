import t from 'tap'
import { until } from '../support/eventually.js'
import { testRegistry } from './registered-verifiers.js'

t.test('a receipt is complete if there is no verifier', async t => {
  const { revoke, isComplete } = await testRegistry(t)
  await revoke()
  t.equal(await isComplete(), true)
})

t.test('a verifier that has confirmed nothing keeps every receipt open', async t => {
  const { connect, isComplete, position, lagging } = await testRegistry(t)
  const { verifierId } = await connect()
  t.equal(await isComplete(), false)
  t.strictSame(await lagging((await position()).snapshot), [verifierId])
})

t.test('a position that was given before a revocation does not confirm it; a later one does', async t => {
  const { connect, revoke, isComplete, position, confirm } = await testRegistry(t)
  const verifier = await connect()
  const before = await position()
  await revoke()
  t.equal(await confirm(verifier, before), 'accepted')
  t.equal(await isComplete(), false)
  t.equal(await confirm(verifier, await position()), 'accepted')
  t.equal(await isComplete(), true)
})

t.test('a later revocation does not move the target of a receipt', async t => {
  const { connect, revoke, isComplete, position, confirm } = await testRegistry(t)
  const verifier = await connect()
  await revoke()
  const target = await position()
  await confirm(verifier, target)
  await revoke()
  t.equal(await isComplete(target.snapshot), true)
  t.equal(await isComplete(), false)
})

t.test('transactions that change something else do not move the target', async t => {
  const { connect, isComplete, position, confirm, newClient } = await testRegistry(t)
  const verifier = await connect()
  await confirm(verifier, await position())
  await newClient()
  t.equal(await isComplete(), true)
})

t.test('a transaction that stays open for long delays no receipt', async t => {
  const { database, connect, revoke, isComplete, position, confirm } = await testRegistry(t)
  await database.admin.begin(async open => {
    await open`select pg_current_xact_id()`
    const verifier = await connect()
    await revoke()
    const target = await position()
    t.match(target.snapshot, /^(\d+):(?!\1)/, 'the oldest transaction is still open')
    await confirm(verifier, target)
    t.equal(await isComplete(target.snapshot), true)
    t.equal(await isComplete(), true)
  })
})

t.test('a revocation that commits late, with a lower transaction id, is waited for', async t => {
  const { database, connect, revoke, isComplete, position, confirm } = await testRegistry(t)
  const verifier = await connect()
  await database.admin.begin(async late => {
    await late`insert into revocations (kind, subject, reason) values ('session', 'late', 'logout')`
    await revoke()
    await confirm(verifier, await position())
    t.equal(await isComplete(), true)
  })
  t.equal(await isComplete(), false)
  await confirm(verifier, await position())
  t.equal(await isComplete(), true)
})

t.test('one verifier that lags among many keeps the receipt open and is named', async t => {
  const { connect, revoke, isComplete, position, confirm, lagging } = await testRegistry(t)
  const verifiers = await Promise.all(Array.from({ length: 20 }, () => connect()))
  await revoke()
  const target = await position()
  for (const verifier of verifiers.slice(1)) await confirm(verifier, target)
  t.equal(await isComplete(target.snapshot), false)
  t.strictSame(await lagging(target.snapshot), [verifiers[0]!.verifierId])
})

t.test('a position never moves backwards', async t => {
  const { connect, revoke, isComplete, position, confirm } = await testRegistry(t)
  const verifier = await connect()
  const early = await position()
  await revoke()
  await confirm(verifier, await position())
  t.equal(await confirm(verifier, early), 'accepted', 'a confirmation that arrives late is no error')
  t.equal(await isComplete(), true)
})

t.test('a position never moves backwards to one with the same end and more open transactions', async t => {
  const { database, connect, isComplete, position, confirm } = await testRegistry(t)
  const verifier = await connect()
  const [first, last] = await database.admin.begin(async open => {
    await open`insert into revocations (kind, subject, reason) values ('session', 'a', 'logout')`
    const { serverStart } = await position()
    const [row] = await open`select pg_current_xact_id()::text as xid`
    const end = BigInt(row!.xid) + 1n
    return [
      { serverStart, snapshot: `${row!.xid}:${end}:${row!.xid}` },
      { serverStart, snapshot: `${end}:${end}:` },
    ] as const
  })
  // Refused while an earlier transaction is open, in any database of this server.
  await until(async () => (await confirm(verifier, last!)) === 'accepted')
  t.equal(await isComplete(), true)
  await confirm(verifier, first!)
  t.equal(await isComplete(), true)
})

t.test('a position that the server has not given yet is refused', async t => {
  const { database, connect, isComplete, position, confirm } = await testRegistry(t)
  const verifier = await connect()
  const { serverStart, snapshot } = await position()
  const end = BigInt(snapshot.split(':')[1]!) + 1000n
  t.equal(await confirm(verifier, { serverStart, snapshot: `${end}:${end}:` }), 'impossible')
  await database.admin.begin(async open => {
    await open`select pg_current_xact_id()`
    const [row] = await open`select pg_current_xact_id()::text as xid`
    const beyond = BigInt(row!.xid) + 1n
    // Others end meanwhile, so that the open one is inside.
    await connect()
    t.equal(await confirm(verifier, { serverStart, snapshot: `${beyond}:${beyond}:` }), 'impossible')
  })
  t.equal(await isComplete(), false)
})

t.test('a position of another server says nothing', async t => {
  const { connect, isComplete, position, confirm } = await testRegistry(t)
  const verifier = await connect()
  const { snapshot } = await position()
  t.equal(await confirm(verifier, { serverStart: '1795870000.5', snapshot }), 'accepted')
  t.equal(await isComplete(), false)
})

t.test('only the client of a verifier confirms for it', async t => {
  const { connect, isComplete, position, confirm, newClient } = await testRegistry(t)
  const verifier = await connect()
  t.equal(await confirm({ ...verifier, clientId: await newClient() }, await position()), 'taken')
  t.equal(await confirm({ ...verifier, verifierId: await newClient() }, await position()), 'unknown')
  t.equal(await isComplete(), false)
})

t.test('many confirmations are one statement, and each has its own outcome', async t => {
  const { db, connect, newClient, position } = await testRegistry(t)
  const [first, second, third] = await Promise.all([connect(), connect(), connect()])
  const { serverStart, snapshot } = await position()
  const sent = db.statementsSent
  const outcomes = await db.verifiers.confirm(
    [third!, { ...second!, clientId: await newClient() }, first!].map(({ verifierId, clientId }) => ({
      verifierId,
      clientId,
      serverStart,
      snapshot,
      isClosing: false,
    })),
  )
  t.strictSame(outcomes, ['accepted', 'taken', 'accepted'])
  t.equal(db.statementsSent, sent + 2)
})
