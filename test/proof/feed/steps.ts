import { change, type Decisions, receive } from './follower.js'
import {
  ANSWERED,
  COMMITTED,
  EMPTY_FRAME,
  ENTRIES,
  HEARTBEAT,
  LOST,
  NEW_INSTANCE,
  NO_CONNECTION,
  NONE,
  REQUESTED,
  START,
  type State,
  UNCONNECTED,
  UNWRITTEN,
} from './state.js'

export interface FeedBounds {
  /** Revocations, each in its own transaction. */
  transactions: number
  instances: number
  /** How long the follower verifies without news, in ticks. */
  stalenessTicks: number
  /** How many events can be on the way. */
  frames: number
  /** Whether the machine of the follower sleeps, at any time. */
  sleeps: boolean
  /** Whether Postgres fails over, once. */
  failover: boolean
  /** Whether instances are killed, at any time. */
  kills: boolean
}

/** The rules of the sender (docs/feed.md), which tests break one at a time to see that a follower depends on them. */
export const SENDER_RULES = { resumesOtherServers: false, positionBeforeEntries: false }

/** Passes on the state after a change. */
export type Emit = (what: string, change: (state: State) => void) => void

export function timeSteps(emit: Emit, { sleeps }: FeedBounds, cap: number): void {
  const older = (age: number) => (age === NONE ? NONE : Math.min(cap, age + 1))
  const pass = (state: State, isAsleep: boolean) => {
    for (const tx of state.transactions) if (tx.status === COMMITTED) tx.age = older(tx.age)
    for (const instance of state.instances) instance.age = older(instance.age)
    for (const frame of state.frames) if (frame.kind === HEARTBEAT) frame.age = older(frame.age)
    const { follower, connection } = state
    follower.wallAge = older(follower.wallAge)
    if (!isAsleep) follower.monotonicAge = older(follower.monotonicAge)
    if (connection.phase === REQUESTED) {
      connection.wall = older(connection.wall)
      if (!isAsleep) connection.monotonic = older(connection.monotonic)
    } else if (connection.phase === ANSWERED && isAsleep)
      connection.monotonic = Math.max(-cap, connection.monotonic - 1)
  }
  emit('a tick passes', state => pass(state, false))
  if (sleeps) emit('a tick passes while the machine of the follower sleeps', state => pass(state, true))
}

export function databaseSteps(emit: Emit, { server, transactions }: State, { failover }: FeedBounds): void {
  const canFail = failover && server === 0
  for (const [j, { status }] of transactions.entries()) {
    if (status === UNWRITTEN)
      emit(`revocation ${j} commits`, next => (next.transactions[j] = { status: COMMITTED, age: 0 }))
    if (status === COMMITTED && canFail)
      emit(`a failover loses revocation ${j}`, next => {
        next.transactions[j] = { status: LOST, age: 0 }
        next.server = 1
      })
  }
  if (canFail) emit('a failover loses nothing', next => (next.server = 1))
}

export function instanceSteps(emit: Emit, { transactions, instances }: State, at: number, { kills }: FeedBounds): void {
  const learn = (state: State, entries: number) => {
    const { connection } = state
    const instance = state.instances[at]!
    if (connection.phase === ANSWERED && connection.instance === at) connection.pending |= entries & ~instance.known
    instance.known |= entries
  }
  emit(`instance ${at} reads the journal`, next => {
    const committed = committedIn(next)
    learn(next, committed)
    Object.assign(next.instances[at]!, { journal: committed, server: next.server, age: 0 })
    if (next.connection.instance === at) next.connection.hasRead = 1
  })
  for (const [j, { status }] of transactions.entries())
    if (status === COMMITTED && !(instances[at]!.known & (1 << j)))
      emit(`instance ${at} learns of revocation ${j} from Redis`, next => learn(next, 1 << j))
  if (!kills) return
  emit(`instance ${at} is killed and starts again`, next => {
    next.instances[at] = { ...NEW_INSTANCE }
    // Its connections end with it; the follower notices later.
    if (next.connection.phase !== NO_CONNECTION && next.connection.instance === at) next.connection.pending = NONE
  })
}

export function connectionSteps(
  emit: Emit,
  state: State,
  bounds: FeedBounds,
  decisions: Decisions,
  cap: number,
  rules: typeof SENDER_RULES,
): void {
  const { connection, frames, instances } = state
  if (connection.phase === NO_CONNECTION) {
    for (let at = 0; at < bounds.instances; at++)
      emit(`the follower connects to instance ${at}`, next => {
        next.connection = { ...UNCONNECTED, phase: REQUESTED, instance: at }
        change(decisions, 'connecting', next.follower, next.connection, cap)
      })
    return
  }
  emit('the connection is lost', next => {
    change(decisions, 'disconnected', next.follower, next.connection, cap)
    next.connection = { ...UNCONNECTED }
    next.frames = []
  })
  if (frames.length > 0)
    emit('the follower receives the next event', next =>
      receive(decisions, next.follower, next.connection, next.frames.shift()!, cap),
    )
  const instance = instances[connection.instance]!
  const isKilled = connection.pending === NONE
  if (isKilled || frames.length === bounds.frames) return
  if (connection.phase === REQUESTED) {
    if (instance.age !== NONE)
      emit('the instance answers', next => {
        const { eventId, eventServer } = next.follower
        const isSameServer = eventServer === instance.server
        // The ids of another server say nothing here: whatever they are taken for, everything may be left out.
        const had = eventId === NONE ? 0 : isSameServer ? eventId : rules.resumesOtherServers ? instance.known : 0
        const pending = instance.known & ~had
        Object.assign(next.connection, { phase: ANSWERED, pending, hasRead: 0 })
        next.frames.push({ ...EMPTY_FRAME, kind: START })
      })
    return
  }
  for (let j = 0; j < bounds.transactions; j++)
    if (connection.pending & (1 << j))
      emit(`the instance sends revocation ${j}`, next => {
        next.connection.pending &= ~(1 << j)
        next.frames.push({ ...EMPTY_FRAME, kind: ENTRIES, entries: 1 << j })
      })
  const isAllSent = connection.pending === 0 || rules.positionBeforeEntries
  if (isAllSent && connection.hasRead)
    emit('the instance sends a heartbeat with a position', next => {
      next.connection.hasPosition = 1
      const { journal: id, server, age } = instance
      next.frames.push({ kind: HEARTBEAT, entries: 0, age, id, server })
    })
  if (!connection.hasPosition || isAllSent)
    emit('the instance sends a heartbeat', next => {
      next.frames.push({ ...EMPTY_FRAME, kind: HEARTBEAT, age: instance.age })
    })
}

function committedIn({ transactions }: State): number {
  return transactions.reduce((set, { status }, j) => (status === COMMITTED ? set | (1 << j) : set), 0)
}
