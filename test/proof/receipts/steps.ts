import type { ReceiptBounds, Take } from './model.js'
import { disconnect, register, registerReleased, release, remember, renew, takeAnswer } from './registry.js'
import type { Rules } from './rules.js'
import { ASKED, COMPLETE, NEW_INSTANCE, NO_ROW, NONE, type State, VOID, WAITING } from './state.js'

/** Revocations commit, rows are deleted, and Postgres fails over. */
export function postgresSteps(take: Take, state: State, bounds: ReceiptBounds, rules: Rules): void {
  const { committed, row, receipt, server } = state
  for (let j = 0; j < bounds.transactions; j++) {
    take(`revocation ${j} commits`, !(committed & (1 << j)) && (j > 0 || receipt.state === 0), after => {
      if (j === 0) {
        const isComplete = !rules.isReadAfterCommit && isReached(after, after.committed, rules)
        Object.assign(after.receipt, { state: isComplete ? COMPLETE : ASKED, server: after.server })
      }
      after.committed |= 1 << j
    })
  }
  take('the row is deleted', row.exists === 1 && row.live === 0, after => {
    after.row = { ...NO_ROW }
  })
  take('what the failover lost is written again', server === 1 && receipt.state > 0 && !(committed & 1), after => {
    after.committed |= 1
  })
  if (!bounds.failover || server === 1) return
  for (let kept = 0; kept < 1 << bounds.transactions; kept++) {
    for (const hasRow of [0, 1]) {
      const what = `Postgres fails over, with the revocations ${kept} and ${hasRow ? 'the' : 'no'} row`
      take(what, !(kept & ~committed) && hasRow <= row.exists, after => {
        after.server = 1
        after.committed = kept
        if (!hasRow) after.row = { ...NO_ROW }
        if (after.receipt.state === COMPLETE && !(kept & 1)) after.receipt.state = VOID
      })
    }
  }
}

/** The verifier connects and loses its connection; confirmations arrive. */
export function verifierSteps(take: Take, state: State, bounds: ReceiptBounds, rules: Rules): void {
  const { verifier, instances, report, row } = state
  for (const [i, { page, connection: old }] of instances.entries()) {
    take(`the verifier connects to instance ${i}`, verifier.connection === 0 && page !== NONE, after => {
      const connection = newConnection(after)
      const instance = after.instances[i]!
      if (old !== 0 && rules.isReleasedRemembered) remember(instance, bounds, instance.leaseServer)
      disconnect(instance)
      const isNew = 1 - after.row.exists
      register(after, connection, true, bounds, rules)
      after.verifier.connection = connection
      const isComplete = rules.isRegisteredFirst ? 0 : 1
      Object.assign(instance, { connection, isComplete, isNew, leaseServer: after.server })
    })
  }
  if (bounds.kills) for (const i of instances.keys()) registerAnother(take, state, i, bounds, rules)
  if (bounds.failover)
    take('the verifier is registered for another connection, which ends', true, after => {
      register(after, newConnection(after), true, bounds, rules)
    })
  take('the verifier loses its connection', verifier.connection !== 0, after => {
    after.verifier.connection = 0
  })
  take('a confirmation is lost', report.isSent === 1, after => {
    after.report.isSent = 0
  })
  take('a confirmation arrives', report.isSent === 1, after => {
    after.report.isSent = 0
    if (row.exists === 1) confirm(after, rules)
  })
}

/** The verifier opens another connection beside the one that it follows, or it has given up a request that was delayed. */
function registerAnother(take: Take, { instances }: State, i: number, bounds: ReceiptBounds, rules: Rules): void {
  const { page, connection: open } = instances[i]!
  take(`instance ${i} registers another connection`, page !== NONE && open === 0, after => {
    const isNew = 1 - after.row.exists
    const connection = newConnection(after)
    register(after, connection, true, bounds, rules)
    Object.assign(after.instances[i]!, { connection, isComplete: 0, isNew, leaseServer: after.server })
  })
}

/** What an instance does, or fails to do for any time. */
export function instanceSteps(take: Take, state: State, i: number, bounds: ReceiptBounds, rules: Rules): void {
  const { committed, server, verifier, report } = state
  const { list, page, pageServer, connection, isComplete, leaseAge, hasAnswer, released, releasedServer } =
    state.instances[i]!
  const name = `instance ${i}`
  const isNews = page !== committed || pageServer !== server || (connection !== 0 && !isComplete)
  take(`${name} reads the journal`, isNews, after => {
    const reader = after.instances[i]!
    reader.list |= committed
    Object.assign(reader, { page: committed, pageServer: server, isComplete: connection === 0 ? 0 : 1 })
  })
  for (let j = 0; j < bounds.transactions; j++) {
    const isNew = page !== NONE && (committed & ~list & (1 << j)) !== 0
    take(`${name} hears of revocation ${j} from Redis`, isNew, after => {
      after.instances[i]!.list |= 1 << j
    })
  }
  // A verifier reads the connection by which its list is complete, and newer ones.
  const canSend = connection !== 0 && isComplete === 1 && connection >= verifier.connection
  for (const isConfirmed of [0, 1])
    take(
      `${name} sends${isConfirmed ? ', and the verifier confirms' : ''}`,
      canSend && !(isConfirmed && report.isSent),
      after => {
        // As fresh as the lease allows: Redis says at any time that there is nothing new.
        const age = rules.isLeaseKept ? Math.max(0, leaseAge - bounds.leaseTicks) : 0
        after.verifier.age = Math.min(after.verifier.age, age)
        after.verifier.list |= list
        after.verifier.hasList = 1
        // The connection before is left.
        after.verifier.connection = connection
        after.instances[i]!.isNew = 0
        const position = rules.isPositionAfterEntries ? page : committed
        if (isConfirmed) after.report = { isSent: 1, position, server: pageServer }
      },
    )
  for (const isExecuted of [true, false]) {
    const what = isExecuted ? 'releases its connection, which has ended' : 'fails to release its connection'
    take(`${name} ${what}`, connection !== 0, after => {
      release(after, after.instances[i]!, isExecuted, bounds, rules)
    })
  }
  take(`${name} renews the lease`, connection !== 0 && hasAnswer === 0, after => {
    renew(after, after.instances[i]!, bounds, rules)
  })
  take(`${name} gets the answer`, hasAnswer === 1, after => {
    takeAnswer(after, after.instances[i]!)
  })
  take(`${name} registers again what was cut off`, released > 0 && releasedServer !== server, after => {
    registerReleased(after, after.instances[i]!, bounds, rules)
  })
  take(`${name} is killed`, bounds.kills && page !== NONE, after => {
    after.instances[i] = { ...NEW_INSTANCE }
  })
}

/** The statement that receipts repeat. */
export function receiptSteps(take: Take, state: State, rules: Rules): void {
  const { receipt } = state
  const isOpen = receipt.state === ASKED || receipt.state === WAITING
  const canBegin = rules.isSettledBeforeRead ? isSettled(state, rules) : isReached(state, state.committed, rules)
  take('a read of the receipt begins', isOpen && receipt.mark !== 1 + state.server && canBegin, after => {
    after.receipt.mark = 1 + after.server
  })
  const canRead = receipt.mark === 1 + state.server && (rules.isSettledBeforeRead || isSettled(state, rules))
  take('the receipt is read', isOpen && canRead, after => {
    const { server, committed } = after
    after.receipt.mark = 0
    const isOther = receipt.server !== server
    // A target of another server says nothing here: it can seem to see nothing.
    const target = isOther && receipt.state === WAITING && !rules.isTargetRenewed ? 0 : committed
    if (receipt.state === ASKED || isOther) Object.assign(after.receipt, { state: WAITING, target, server })
    if (!rules.isSettledBeforeRead || isReached(after, after.receipt.target, rules)) after.receipt.state = COMPLETE
  })
}

function newConnection({ row, verifier, instances }: State): number {
  const used = [row.connection, verifier.connection]
  for (const { connection, releasedConnection } of instances) used.push(connection, releasedConnection)
  return Math.max(...used) + 1
}

/** A position of another server says nothing here. Whatever it is taken for, it can seem to see everything. */
function confirm({ row, server, committed, report }: State, rules: Rules): void {
  const isOther = report.server !== server
  if (isOther && rules.isServerCompared) return
  const position = isOther ? committed : report.position
  if (position & ~committed) return
  const isAhead = row.confirmedServer !== server || !(row.confirmed & ~position)
  if (isAhead) Object.assign(row, { confirmed: position, confirmedServer: server })
}

function isReached({ row, server }: State, target: number, rules: Rules): boolean {
  if (row.exists === 0 || row.live === 0) return true
  const isKnown = row.server === server && row.confirmedServer === server
  return isKnown ? !(target & ~row.confirmed) : !rules.isServerCompared && row.server !== server
}

/** After a failover: everything that is known is at the new server. Every instance has had the time for it. */
function isSettled({ server, committed, instances }: State, rules: Rules): boolean {
  if (server === 0) return true
  if (rules.isRepairedFirst && !(committed & 1)) return false
  return instances.every(
    ({ connection, leaseServer, released, releasedServer }) =>
      (!rules.isRegisteredAgain || connection === 0 || leaseServer === server) &&
      (released === 0 || releasedServer === server),
  )
}
