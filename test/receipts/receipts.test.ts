import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Receipts, type ReceiptsOptions } from '../../src/revocations/receipts/receipts.js'
import { until } from '../support/eventually.js'
import { quietLog } from '../support/servers/quiet-log.js'
import { testRegistry } from './registered-verifiers.js'

async function build(t: Test, options: Partial<ReceiptsOptions> = {}) {
  const registry = await testRegistry(t)
  const log = quietLog()
  const { serverStart } = await registry.position()
  const receipts = new Receipts({ store: registry.db.receipts, log, settledServer: () => serverStart, ...options })
  t.teardown(() => receipts.close())
  return { ...registry, receipts, log }
}

t.test('without a verifier a receipt is complete at once, even if nobody wants to wait', async t => {
  const { receipts, revoke } = await build(t)
  await revoke()
  t.strictSame(await receipts.wait(20), { is: 'complete' })
  t.strictSame(await receipts.wait(0), { is: 'complete' })
})

t.test('a receipt is complete when the last verifier confirms', async t => {
  const { receipts, connect, revoke, position, confirm } = await build(t)
  const verifiers = [await connect(), await connect(), await connect()]
  await revoke()
  let isOver = false
  const receipt = receipts.wait(20).finally(() => {
    isOver = true
  })
  for (const verifier of verifiers) {
    await sleep(60)
    t.equal(isOver, false)
    await confirm(verifier, await position())
  }
  t.strictSame(await receipt, { is: 'complete' })
})

t.test('when the time is over, the receipt names the verifiers that lag', async t => {
  const { receipts, connect, revoke, position, confirm } = await build(t)
  const [fast, slow] = [await connect({ name: 'fast' }), await connect({ name: 'slow' })]
  await confirm(slow, await position())
  await revoke()
  await confirm(fast, await position())
  t.match(await receipts.wait(0), {
    is: 'pending',
    total: 1,
    verifiers: [{ id: slow.verifierId, name: 'slow', clientId: slow.clientId, confirmedAt: Date, isStarting: false }],
  })
  t.match(await receipts.wait(0.2), { is: 'pending', total: 1 })
})

t.test('each receipt waits for its own moment: revocations that follow do not delay it', async t => {
  const { receipts, connect, revoke, position, confirm } = await build(t)
  const verifier = await connect()
  await confirm(verifier, await position())
  const waiting: Promise<unknown>[] = []
  const positions = []
  for (let i = 0; i < 30; i++) {
    await revoke()
    waiting.push(receipts.wait(20))
    await sleep(15)
    positions.push(await position())
  }
  const ended: number[] = []
  for (const [place, receipt] of waiting.entries()) void receipt.then(() => ended.push(place))
  await confirm(verifier, positions[9]!)
  await until(() => ended.length >= 10)
  await sleep(100)
  t.ok(ended.length < 15, `those after the position still wait (${ended.length})`)
  t.ok(ended.every(place => place < 15))
  await confirm(verifier, positions[29]!)
  for (const receipt of await Promise.all(waiting)) t.strictSame(receipt, { is: 'complete' })
})

t.test('a thousand receipts share the statements of one', async t => {
  const { db, receipts, connect, revoke, position, confirm } = await build(t)
  const verifier = await connect()
  await revoke()
  const sent = db.statementsSent
  const waiting = Array.from({ length: 1000 }, () => receipts.wait(20))
  await sleep(300)
  const polls = db.statementsSent - sent
  t.ok(polls > 1 && polls < 40, `${polls} statements`)
  await confirm(verifier, await position())
  for (const receipt of await Promise.all(waiting)) t.equal(receipt.is, 'complete')
  await sleep(50)
  const after = db.statementsSent
  await sleep(300)
  t.equal(db.statementsSent, after, 'nothing is asked when no receipt waits')
})

t.test('beyond the limit, a receipt does not wait', async t => {
  const { receipts, connect } = await build(t, { mostWaiting: 2 })
  await connect()
  const waiting = [receipts.wait(1), receipts.wait(1)]
  t.strictSame(await receipts.wait(20), { is: 'unknown', reason: 'too_many_waiting' })
  await Promise.all(waiting)
  t.strictSame(await receipts.wait(20, { share: 0 }), { is: 'unknown', reason: 'too_many_waiting' }, 'so with a share')
  for (const receipt of await Promise.all(waiting)) t.match(receipt, { is: 'pending', total: 1 })
})

t.test('a receipt ends when nobody reads it any more, and when the instance shuts down', async t => {
  const { receipts, connect } = await build(t)
  await connect()
  const gone = new AbortController()
  const [first, second] = [receipts.wait(20, { signal: gone.signal }), receipts.wait(20)]
  gone.abort()
  t.match(await first, { is: 'unknown' })
  await receipts.close()
  t.strictSame(await second, { is: 'unknown', reason: 'shutting_down' })
  t.strictSame(await receipts.wait(20), { is: 'unknown', reason: 'shutting_down' })
})

t.test('without a database nothing is known, and a receipt recovers when it is back in time', async t => {
  let isBroken = true
  const registry = await testRegistry(t)
  const store = {
    findLagging: registry.db.receipts.findLagging,
    async readTargets(snapshots: readonly string[]) {
      if (isBroken) throw new Error('no database')
      return registry.db.receipts.readTargets(snapshots)
    },
  }
  const log = quietLog()
  const { serverStart } = await registry.position()
  const receipts = new Receipts({ store, log, settledServer: () => serverStart })
  t.teardown(() => receipts.close())
  t.strictSame(await receipts.wait(0.1), { is: 'unknown', reason: 'store_unavailable' })
  const receipt = receipts.wait(20)
  await sleep(100)
  isBroken = false
  t.strictSame(await receipt, { is: 'complete' })
  t.match(log.lines, [/Could not read which verifiers/, /Works again/])
})

t.test('after a failover, receipts begin again when this instance has settled on the new server', async t => {
  const registry = await testRegistry(t)
  const { db, connect, revoke, position, confirm } = registry
  let serverStart: string | undefined
  const store = {
    findLagging: db.receipts.findLagging,
    readTargets: async (snapshots: readonly string[]) =>
      (await db.receipts.readTargets(snapshots)).map(state => ({
        ...state,
        serverStart: serverStart ?? state.serverStart,
      })),
  }
  let settledServer: string | undefined = (await position()).serverStart
  const receipts = new Receipts({ store, log: quietLog(), settledServer: () => settledServer })
  t.teardown(() => receipts.close())
  const verifier = await connect()
  await revoke()
  const [patient, short] = [receipts.wait(20), receipts.wait(0.3)]
  await sleep(50)
  serverStart = 'another'
  await confirm(verifier, await position())
  t.strictSame(await short, { is: 'unknown', reason: 'database_replaced' })
  settledServer = serverStart
  t.strictSame(await patient, { is: 'complete' })
})

t.test('an instance that settles while the verifiers are read reads them once more', async t => {
  const registry = await testRegistry(t)
  const { db, connect, revoke, position } = registry
  const { serverStart } = await position()
  let settledServer: string | undefined
  const store = {
    findLagging: db.receipts.findLagging,
    async readTargets(snapshots: readonly string[]) {
      const answer = await db.receipts.readTargets(snapshots)
      if (settledServer === undefined) await connect()
      settledServer = serverStart
      return answer
    },
  }
  const receipts = new Receipts({ store, log: quietLog(), settledServer: () => settledServer })
  t.teardown(() => receipts.close())
  await revoke()
  t.match(await receipts.wait(0.3), { is: 'pending', total: 1 })
})
