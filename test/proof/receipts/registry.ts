import type { ReceiptBounds } from './model.js'
import type { Rules } from './rules.js'
import { type Instance, NO_ROW, type State } from './state.js'

// What the statements of src/postgres/verifiers.ts do, and what an instance makes of their answers.

/** Registers a connection: a new one, or one that was open before and replaces only older ones. */
export function register(
  state: State,
  connection: number,
  isNew: boolean,
  bounds: ReceiptBounds,
  rules: Rules,
): boolean {
  const { row, server, committed } = state
  if (!isNew && row.exists === 1 && row.server === server && row.connection > connection) return false
  if (row.exists === 0 && !rules.isNewUnconfirmed) Object.assign(row, { confirmed: committed, confirmedServer: server })
  if (row.exists === 1 && row.isCut === 0 && row.connection !== connection)
    row.earlier = Math.max(row.earlier, row.live)
  Object.assign(row, { exists: 1, server, connection, isCut: 0, live: Math.max(row.live, leaseOf(bounds, rules)) })
  return true
}

/**
 * Renews the lease. If another server does not know the connection, it is registered there, and the answer arrives later;
 * that of a renewal arrives at once, because a late one only leaves the earlier lease.
 */
export function renew(state: State, instance: Instance, bounds: ReceiptBounds, rules: Rules): void {
  const { row, server } = state
  const { connection, leaseAge, leaseServer } = instance
  const isIts = row.exists === 1 && row.server === server && row.connection === connection && row.isCut === 0
  const isLeased = leaseAge <= bounds.leaseTicks
  if (isIts && (row.live > 0 || !rules.isLapseNoticed)) {
    row.live = leaseOf(bounds, rules)
    Object.assign(instance, { leaseAge: 0, leaseServer: server })
  } else if (
    leaseServer !== server &&
    (isLeased || !rules.isLapseNoticed) &&
    register(state, connection, false, bounds, rules)
  )
    Object.assign(instance, { hasAnswer: 1, answerAge: 0 })
  else abandon(instance, bounds, rules)
}

/** The connection was registered again. */
export function takeAnswer({ server }: State, instance: Instance): void {
  Object.assign(instance, { leaseAge: instance.answerAge, leaseServer: server, isNew: 0, hasAnswer: 0, answerAge: 0 })
}

/** The connection has ended: the statement is executed, or fails. */
export function release(
  state: State,
  instance: Instance,
  isExecuted: boolean,
  bounds: ReceiptBounds,
  rules: Rules,
): void {
  const { row, verifier } = state
  const hadNoList = verifier.hasList === 0 && instance.released === 0
  const hasNoList = instance.isNew === 1 && (hadNoList || !rules.isEarlierListKnown)
  const isIts = row.connection === instance.connection || !rules.isConnectionCompared
  if (isExecuted && row.exists === 1 && isIts && row.isCut === 0) {
    if (hasNoList && row.confirmed === 0) Object.assign(row, NO_ROW)
    else cut(state, bounds, rules)
  }
  const isKnown = state.server === 1 && !rules.isServerOfReleasedKept
  if (!hasNoList && rules.isReleasedRemembered) remember(instance, bounds, isKnown ? 1 : instance.leaseServer)
  disconnect(instance)
}

/** Registers a verifier at the new server whose connection has ended. */
export function registerReleased(state: State, instance: Instance, bounds: ReceiptBounds, rules: Rules): void {
  const { row, server } = state
  register(state, instance.releasedConnection, false, bounds, rules)
  if (row.connection === instance.releasedConnection && row.isCut === 0) cut(state, bounds, rules)
  instance.releasedServer = server
}

/** The instance remembers a connection that has ended, with the server that has its row. */
export function remember(instance: Instance, { failover, stalenessTicks }: ReceiptBounds, server: number): void {
  if (!failover) return
  const { connection } = instance
  Object.assign(instance, { released: stalenessTicks + 1, releasedServer: server, releasedConnection: connection })
}

/** Nothing is left of the connection at this instance. */
export function disconnect(instance: Instance): void {
  Object.assign(instance, { connection: 0, isComplete: 0, isNew: 0, leaseAge: 0, leaseServer: 0 })
  Object.assign(instance, { hasAnswer: 0, answerAge: 0 })
}

function abandon(instance: Instance, bounds: ReceiptBounds, rules: Rules): void {
  if (rules.isSupersededRemembered && rules.isReleasedRemembered) remember(instance, bounds, instance.leaseServer)
  disconnect(instance)
}

function cut({ row }: State, { stalenessTicks }: ReceiptBounds, rules: Rules): void {
  row.isCut = 1
  const earlier = rules.isEarlierCounted ? row.earlier : 0
  row.live = rules.isLiveWhenCut ? Math.min(row.live, Math.max(stalenessTicks + 1, earlier)) : 0
}

/** Through the last tick in which the verifier can be fresh. */
function leaseOf({ leaseTicks, stalenessTicks }: ReceiptBounds, rules: Rules): number {
  return leaseTicks + (rules.isBoundInLease ? stalenessTicks : 0) + 1
}
