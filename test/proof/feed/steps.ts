import { change, type Decisions, receive } from './follower.js'
import {
  ANSWERED,
  COMMITTED,
  type Connection,
  EMPTY_FRAME,
  ENTRIES,
  HEARTBEAT,
  LOST,
  NEW_INSTANCE,
  NO_CONNECTION,
  NONE,
  noWay,
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
  /** Whether the follower opens another connection beside the one by which its list is complete, at any time. */
  replaces: boolean
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
    const { follower } = state
    follower.wallAge = older(follower.wallAge)
    if (!isAsleep) follower.monotonicAge = older(follower.monotonicAge)
    for (const { connection, frames } of state.ways) {
      for (const frame of frames) if (frame.kind === HEARTBEAT) frame.age = older(frame.age)
      if (connection.phase === REQUESTED) {
        connection.wall = older(connection.wall)
        if (!isAsleep) connection.monotonic = older(connection.monotonic)
      } else if (connection.phase === ANSWERED && isAsleep)
        connection.monotonic = Math.max(-cap, connection.monotonic - 1)
    }
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
    const instance = state.instances[at]!
    for (const { connection } of state.ways)
      if (connection.phase === ANSWERED && connection.instance === at) connection.pending |= entries & ~instance.known
    instance.known |= entries
  }
  emit(`instance ${at} reads the journal`, next => {
    const committed = committedIn(next)
    learn(next, committed)
    Object.assign(next.instances[at]!, { journal: committed, server: next.server, age: 0 })
    for (const { connection } of next.ways)
      if (connection.phase !== NO_CONNECTION && connection.instance === at) connection.hasRead = 1
  })
  for (const [j, { status }] of transactions.entries())
    if (status === COMMITTED && !(instances[at]!.known & (1 << j)))
      emit(`instance ${at} learns of revocation ${j} from Redis`, next => learn(next, 1 << j))
  if (!kills) return
  emit(`instance ${at} is killed and starts again`, next => {
    next.instances[at] = { ...NEW_INSTANCE }
    // Its connections end with it; the follower notices later.
    for (const { connection } of next.ways)
      if (connection.phase !== NO_CONNECTION && connection.instance === at) connection.pending = NONE
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
  const [present, another] = state.ways.map(({ connection }) => connection) as [Connection, Connection]
  const canConnect = present.phase === NO_CONNECTION
  const canReplace = bounds.replaces && present.isComplete === 1 && another.phase === NO_CONNECTION
  for (let at = 0; at < bounds.instances && (canConnect || canReplace); at++)
    emit(`the follower opens ${canConnect ? 'a' : 'another'} connection to instance ${at}`, next => {
      const way = next.ways[canConnect ? 0 : 1]
      const { eventId: askedId, eventServer: askedServer } = next.follower
      way.connection = { ...UNCONNECTED, phase: REQUESTED, instance: at, askedId, askedServer }
      change(decisions, 'connecting', next.follower, way.connection, cap)
    })
  for (const place of [0, 1] as const)
    if (state.ways[place].connection.phase !== NO_CONNECTION)
      waySteps(emit, state, place, bounds, decisions, cap, rules)
}

/** What happens to one of the connections of the follower. */
function waySteps(
  emit: Emit,
  state: State,
  place: 0 | 1,
  bounds: FeedBounds,
  decisions: Decisions,
  cap: number,
  rules: typeof SENDER_RULES,
): void {
  const { connection, frames } = state.ways[place]
  const name = place === 0 ? 'the connection' : 'the other connection'
  emit(`${name} is lost`, next => {
    change(decisions, 'disconnected', next.follower, next.ways[place].connection, cap)
    next.ways = [next.ways[1 - place]!, noWay()]
  })
  if (frames.length > 0)
    emit(`the follower receives the next event of ${name}`, next => {
      const way = next.ways[place]
      receive(decisions, next.follower, way.connection, way.frames.shift()!, cap)
      // The list is complete over it, so the connection before is left.
      if (place === 1 && way.connection.isComplete) next.ways = [way, noWay()]
    })
  const instance = state.instances[connection.instance]!
  const isKilled = connection.pending === NONE
  if (isKilled || frames.length === bounds.frames) return
  if (connection.phase === REQUESTED) {
    if (instance.age !== NONE)
      emit(`the instance of ${name} answers`, next => {
        const way = next.ways[place]
        const { askedId, askedServer } = way.connection
        const isSameServer = askedServer === instance.server
        // The ids of another server say nothing here: whatever they are taken for, everything may be left out.
        const had = askedId === NONE ? 0 : isSameServer ? askedId : rules.resumesOtherServers ? instance.known : 0
        const pending = instance.known & ~had
        Object.assign(way.connection, { phase: ANSWERED, pending, hasRead: 0, askedId: NONE, askedServer: 0 })
        way.frames.push({ ...EMPTY_FRAME, kind: START })
      })
    return
  }
  for (let j = 0; j < bounds.transactions; j++)
    if (connection.pending & (1 << j))
      emit(`the instance of ${name} sends revocation ${j}`, next => {
        const way = next.ways[place]
        way.connection.pending &= ~(1 << j)
        way.frames.push({ ...EMPTY_FRAME, kind: ENTRIES, entries: 1 << j })
      })
  const isAllSent = connection.pending === 0 || rules.positionBeforeEntries
  if (isAllSent && connection.hasRead)
    emit(`the instance of ${name} sends a heartbeat with a position`, next => {
      const way = next.ways[place]
      way.connection.hasPosition = 1
      const { journal: id, server, age } = instance
      way.frames.push({ kind: HEARTBEAT, entries: 0, age, id, server })
    })
  if (!connection.hasPosition || isAllSent)
    emit(`the instance of ${name} sends a heartbeat`, next => {
      next.ways[place].frames.push({ ...EMPTY_FRAME, kind: HEARTBEAT, age: instance.age })
    })
}

function committedIn({ transactions }: State): number {
  return transactions.reduce((set, { status }, j) => (status === COMMITTED ? set | (1 << j) : set), 0)
}
