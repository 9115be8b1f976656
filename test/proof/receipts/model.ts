import type { Model } from '../search.js'
import { RULES, type Rules } from './rules.js'
import { COMPLETE, decode, encode, INSTANCE, type Instance, initialState, type State, VOID } from './state.js'
import { instanceSteps, postgresSteps, receiptSteps, verifierSteps } from './steps.js'

export interface ReceiptBounds {
  /** Revocations. The first one asks for a receipt. */
  transactions: number
  instances: number
  stalenessTicks: number
  leaseTicks: number
  /** Whether Postgres may fail over once, to an older copy. */
  failover: boolean
  /** Whether instances may be killed. */
  kills: boolean
}

const base = { transactions: 1, instances: 2, stalenessTicks: 1, leaseTicks: 1, failover: false, kills: false }

export const RECEIPT_BOUNDS = {
  ci: {
    kills: { ...base, kills: true },
    failover: { ...base, instances: 1, failover: true },
  },
  full: {
    kills: { ...base, transactions: 2, kills: true },
    times: { ...base, stalenessTicks: 2, leaseTicks: 2, kills: true },
    failover: { ...base, transactions: 2, instances: 1, failover: true },
    longerBound: { ...base, stalenessTicks: 2, instances: 1, failover: true },
  },
} as const satisfies Record<string, Record<string, ReceiptBounds>>

/** A step: what happens, whether it can happen now, and the change of the state. */
export type Take = (what: string, canHappen: boolean, change: (state: State) => void) => void

/**
 * A verifier follows instances: it connects, is cut off, and connects again, while an instance still holds its earlier
 * connection. Instances read the journal or not, hear of revocations from Redis or not, and renew leases or not; answers
 * of Postgres take any time, and connections end meanwhile. Revocations commit, and an instance gives a receipt for the
 * first of them. What is sent is received at once: as the age of news counts from before they were sent, a delay on the
 * way makes no verifier fresh that would not have been. Confirmations take any time.
 *
 * Checked in every state: after the receipt, the verifier does not accept the token.
 *
 * Assumed: after a failover, every instance registers its verifiers again before receipts are given, and none is killed.
 * Not checked: a receipt that was given before a failover which lost the revocation itself.
 *
 * @param weakened - rules to leave out, to check that the search finds the consequence
 */
export function receiptModel(bounds: ReceiptBounds, weakened: Partial<Rules> = {}): Model {
  const rules = { ...RULES, ...weakened }
  return {
    name: 'receipts',
    bounds: [
      `revocations: ${bounds.transactions}, instances: ${bounds.instances}, one verifier`,
      `a bound of ${bounds.stalenessTicks} ticks, a lease of ${bounds.leaseTicks}; time has no end`,
      bounds.failover ? 'Postgres fails over once, without its last commits' : 'no failover',
      bounds.kills ? 'instances are killed at any time' : 'no instance is killed',
    ],
    initial: [encode(initialState(bounds.instances, bounds.stalenessTicks + 1))],
    steps(bytes, visit) {
      const state = decode(bytes)
      // Nothing is promised any more, or the verifier refuses the token for ever.
      if (state.receipt.state === VOID || state.verifier.list & 1) return
      const take: Take = (what, canHappen, change) => {
        if (!canHappen) return
        const after = decode(bytes)
        change(after)
        const violation = broken(after, bounds)
        visit(encode(normal(after, bounds)), () => what, violation)
      }
      take('a tick passes', true, tick)
      postgresSteps(take, state, bounds, rules)
      verifierSteps(take, state, bounds, rules)
      for (let i = 0; i < state.instances.length; i++) instanceSteps(take, state, i, bounds, rules)
      receiptSteps(take, state, rules)
    },
  }
}

function broken({ receipt, verifier }: State, { stalenessTicks }: ReceiptBounds): string | null {
  const accepts = verifier.age <= stalenessTicks && !(verifier.list & 1)
  return receipt.state === COMPLETE && accepts ? 'a token is accepted after its receipt' : null
}

function tick({ row, verifier, instances }: State): void {
  verifier.age++
  row.live = Math.max(0, row.live - 1)
  row.earlier = Math.max(0, row.earlier - 1)
  for (const instance of instances) {
    instance.leaseAge++
    instance.answerAge++
    instance.released = Math.max(0, instance.released - 1)
  }
}

/** Makes states equal that nothing can tell apart. */
function normal(state: State, { stalenessTicks, leaseTicks }: ReceiptBounds): State {
  const { row, verifier, instances, report, receipt } = state
  const stale = stalenessTicks + 1
  verifier.age = Math.min(verifier.age, stale)
  // When a verifier notices that its connection has ended makes no difference.
  if (!instances.some(({ connection }) => connection === verifier.connection)) verifier.connection = 0
  for (const instance of instances) {
    instance.leaseAge = instance.connection === 0 ? 0 : Math.min(instance.leaseAge, leaseTicks + stale)
    instance.answerAge = instance.hasAnswer === 0 ? 0 : Math.min(instance.answerAge, leaseTicks + stale)
    if (instance.released === 0) Object.assign(instance, { releasedServer: 0, releasedConnection: 0 })
  }
  if (receipt.state === COMPLETE) Object.assign(report, { isSent: 0 })
  if (receipt.state === COMPLETE) Object.assign(row, { confirmed: 0, confirmedServer: 0 })
  if (receipt.state === COMPLETE) Object.assign(receipt, { mark: 0, target: 0, server: 0 })
  if (report.isSent === 0) Object.assign(report, { position: 0, server: 0 })
  renumber(state)
  if (instances.length > 1) instances.sort(compare)
  return state
}

/** Only the order of connections matters. */
function renumber({ row, verifier, instances }: State): void {
  let used = 1 | (1 << row.connection) | (1 << verifier.connection)
  for (const { connection, releasedConnection } of instances) used |= (1 << connection) | (1 << releasedConnection)
  row.connection = placeIn(used, row.connection)
  verifier.connection = placeIn(used, verifier.connection)
  for (const instance of instances) {
    instance.connection = placeIn(used, instance.connection)
    instance.releasedConnection = placeIn(used, instance.releasedConnection)
  }
}

/** How many smaller numbers a set has. */
function placeIn(set: number, number: number): number {
  let place = 0
  for (let smaller = 0; smaller < number; smaller++) place += (set >> smaller) & 1
  return place
}

function compare(a: Instance, b: Instance): number {
  for (const field of INSTANCE) if (a[field] !== b[field]) return a[field] - b[field]
  return 0
}
