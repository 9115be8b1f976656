/** One revocation of the model, in its own transaction. */
export interface Transaction {
  status: number
  /** Ticks since the commit. */
  age: number
}
export const [UNWRITTEN, COMMITTED, LOST] = [0, 1, 2]

/** An instance of the service. Sets of revocations are bits. */
export interface Instance {
  known: number
  /** What its last read of the journal returned: the position. */
  journal: number
  /** The database server that it read. */
  server: number
  /** How long ago that read began; NONE before the first one. */
  age: number
}

export interface Follower {
  known: number
  /** How long ago the list was complete, by each of the two clocks; NONE before the first time. */
  monotonicAge: number
  wallAge: number
  /** What it sends as Last-Event-ID, and what it confirms: NONE, or a position and its server. */
  eventId: number
  eventServer: number
  position: number
  positionServer: number
}

export interface Connection {
  phase: number
  /** The instance at the other end. */
  instance: number
  /** Until the request arrives: how long ago it was sent. Then: how long it was on the way, by each clock. */
  monotonic: number
  wall: number
  /** Until it is answered: the id that the request says. */
  askedId: number
  askedServer: number
  /** What the follower has received of it. */
  isStarted: number
  isComplete: number
  /** What the instance still has to send, and whether it read the journal since the request, and sent a position. */
  pending: number
  hasRead: number
  hasPosition: number
}
export const [NO_CONNECTION, REQUESTED, ANSWERED] = [0, 1, 2]

/** A part of the answer that is on the way. */
export interface Frame {
  kind: number
  entries: number
  age: number
  id: number
  server: number
}
export const [NO_FRAME, START, ENTRIES, HEARTBEAT] = [0, 1, 2, 3]

/** A connection, and what is on the way over it. */
export interface Way {
  connection: Connection
  frames: Frame[]
}

export interface State {
  server: number
  transactions: Transaction[]
  instances: Instance[]
  follower: Follower
  /** The connection of the follower, and the one with which it replaces it. */
  ways: [Way, Way]
}

export const NONE = 255
/** Differences between clocks can be negative. */
const SHIFT = 64

export const UNCONNECTED: Connection = {
  phase: NO_CONNECTION,
  instance: 0,
  monotonic: 0,
  wall: 0,
  askedId: NONE,
  askedServer: 0,
  isStarted: 0,
  isComplete: 0,
  pending: 0,
  hasRead: 0,
  hasPosition: 0,
}
export const EMPTY_FRAME: Frame = { kind: NO_FRAME, entries: 0, age: 0, id: NONE, server: 0 }
export const NEW_INSTANCE: Instance = { known: 0, journal: 0, server: 0, age: NONE }
export const noWay = (): Way => ({ connection: { ...UNCONNECTED }, frames: [] })
const NEW_FOLLOWER: Follower = {
  known: 0,
  monotonicAge: NONE,
  wallAge: NONE,
  eventId: NONE,
  eventServer: 0,
  position: NONE,
  positionServer: 0,
}

export function initialState(transactions: number, instances: number): State {
  return {
    server: 0,
    transactions: Array.from({ length: transactions }, () => ({ status: UNWRITTEN, age: 0 })),
    instances: Array.from({ length: instances }, () => ({ ...NEW_INSTANCE })),
    follower: { ...NEW_FOLLOWER },
    ways: [noWay(), noWay()],
  }
}

/** @param most how many frames can be on each way */
export function encodeState({ server, transactions, instances, follower, ways }: State, most: number) {
  const bytes = new Uint8Array(lengthOf(transactions.length, instances.length, most))
  bytes.set([server, transactions.length, instances.length])
  let at = 3
  const write = (part: object, fields: readonly string[]) => {
    for (const field of fields) {
      const value = (part as Record<string, number>)[field]!
      bytes[at++] = value === NONE ? NONE : value + SHIFT
    }
  }
  for (const part of transactions) write(part, TRANSACTION)
  for (const part of instances) write(part, INSTANCE)
  write(follower, FOLLOWER)
  for (const { connection, frames } of ways) {
    write(connection, CONNECTION)
    for (let place = 0; place < most; place++) write(frames[place] ?? EMPTY_FRAME, FRAME)
  }
  return bytes
}

export function decodeState(bytes: Uint8Array, most: number): State {
  const [server, transactionCount, instanceCount] = bytes
  let at = 3
  const read = <Part extends object>(fields: readonly string[]): Part => {
    const part: Record<string, number> = {}
    for (const field of fields) {
      const byte = bytes[at++]!
      part[field] = byte === NONE ? NONE : byte - SHIFT
    }
    return part as Part
  }
  const many = <Part extends object>(count: number, fields: readonly string[]) => {
    const parts: Part[] = []
    while (parts.length < count) parts.push(read(fields))
    return parts
  }
  const transactions = many<Transaction>(transactionCount!, TRANSACTION)
  const instances = many<Instance>(instanceCount!, INSTANCE)
  const follower = read<Follower>(FOLLOWER)
  const readWay = (): Way => {
    const connection = read<Connection>(CONNECTION)
    return { connection, frames: many<Frame>(most, FRAME).filter(({ kind }) => kind !== NO_FRAME) }
  }
  return { server: server!, transactions, instances, follower, ways: [readWay(), readWay()] }
}

const TRANSACTION = ['status', 'age']
const INSTANCE = Object.keys(NEW_INSTANCE)
const FOLLOWER = Object.keys(NEW_FOLLOWER)
const CONNECTION = Object.keys(UNCONNECTED)
const FRAME = Object.keys(EMPTY_FRAME)

function lengthOf(transactions: number, instances: number, frames: number): number {
  const ways = 2 * (CONNECTION.length + frames * FRAME.length)
  return 3 + transactions * TRANSACTION.length + instances * INSTANCE.length + FOLLOWER.length + ways
}
