/**
 * A state of the model. A set of revocations is a number with a bit for each; revocation 0 is the one with the receipt.
 * Connections are numbers, in the order in which they were opened; 0 is none.
 */
export interface State {
  /** The present server of Postgres: 1 after the failover. */
  server: number
  committed: number
  row: Row
  /** Its list, the age of its newest news, its connection, and whether it ever had a complete list. */
  verifier: { list: number; age: number; connection: number; hasList: number }
  instances: Instance[]
  /** A confirmation that is on its way. */
  report: { isSent: number; position: number; server: number }
  /** `mark`: what was found before a read: 1 and the server. */
  receipt: { state: number; target: number; server: number; mark: number }
}

/** The row of the verifier. */
export interface Row {
  exists: number
  server: number
  connection: number
  isCut: number
  /** For how many ticks the verifier is live, this one included. */
  live: number
  confirmed: number
  confirmedServer: number
  /** How long an earlier connection can still bring news that was open when this one was registered. */
  earlier: number
}

export interface Instance {
  list: number
  /** Its last page of the journal; NONE before the first one. */
  page: number
  pageServer: number
  connection: number
  /** Whether the journal was read since the connection was registered. */
  isComplete: number
  /** The verifier was not known before this connection, and was sent nothing on it. */
  isNew: number
  /** How long ago the statement was sent that last extended the lease, and the server that has the row. */
  leaseAge: number
  leaseServer: number
  /** Whether it was registered again and the answer is on its way; how long ago that was sent. */
  hasAnswer: number
  answerAge: number
  /** A connection that ended: for how many ticks it is remembered, and the server that has its row. */
  released: number
  releasedServer: number
  releasedConnection: number
}

export const NONE = 9

export const [ASKED, WAITING, COMPLETE, VOID] = [1, 2, 3, 4]

export const NEW_INSTANCE: Instance = {
  list: 0,
  page: NONE,
  pageServer: 0,
  connection: 0,
  isComplete: 0,
  isNew: 0,
  leaseAge: 0,
  leaseServer: 0,
  hasAnswer: 0,
  answerAge: 0,
  released: 0,
  releasedServer: 0,
  releasedConnection: 0,
}
export const NO_ROW: Row = {
  exists: 0,
  server: 0,
  connection: 0,
  isCut: 0,
  live: 0,
  confirmed: 0,
  confirmedServer: 0,
  earlier: 0,
}

export function initialState(instances: number, stale: number): State {
  return {
    server: 0,
    committed: 0,
    row: { ...NO_ROW },
    verifier: { list: 0, age: stale, connection: 0, hasList: 0 },
    instances: Array.from({ length: instances }, () => ({ ...NEW_INSTANCE })),
    report: { isSent: 0, position: 0, server: 0 },
    receipt: { state: 0, target: 0, server: 0, mark: 0 },
  }
}

const ROW = Object.keys(NO_ROW) as (keyof Row)[]
export const INSTANCE = Object.keys(NEW_INSTANCE) as (keyof Instance)[]
const BEFORE_INSTANCES = 13 + ROW.length

export function encode({ server, committed, row, verifier, instances, report, receipt }: State): Uint8Array {
  const bytes = new Uint8Array(BEFORE_INSTANCES + instances.length * INSTANCE.length)
  bytes[0] = server
  bytes[1] = committed
  bytes[2] = verifier.list
  bytes[3] = verifier.age
  bytes[4] = verifier.connection
  bytes[5] = verifier.hasList
  bytes[6] = report.isSent
  bytes[7] = report.position
  bytes[8] = report.server
  bytes[9] = receipt.state
  bytes[10] = receipt.target
  bytes[11] = receipt.server
  bytes[12] = receipt.mark
  let at = 13
  for (const field of ROW) bytes[at++] = row[field]
  for (const instance of instances) for (const field of INSTANCE) bytes[at++] = instance[field]
  return bytes
}

export function decode(bytes: Uint8Array): State {
  const row = { ...NO_ROW }
  let at = 13
  for (const field of ROW) row[field] = bytes[at++]!
  const instances: Instance[] = []
  while (at < bytes.length) {
    const instance = { ...NEW_INSTANCE }
    for (const field of INSTANCE) instance[field] = bytes[at++]!
    instances.push(instance)
  }
  return {
    server: bytes[0]!,
    committed: bytes[1]!,
    row,
    verifier: { list: bytes[2]!, age: bytes[3]!, connection: bytes[4]!, hasList: bytes[5]! },
    instances,
    report: { isSent: bytes[6]!, position: bytes[7]!, server: bytes[8]! },
    receipt: { state: bytes[9]!, target: bytes[10]!, server: bytes[11]!, mark: bytes[12]! },
  }
}
