import type { Scenario } from './load/scenario.js'
import type { Sample } from './measure/sample.js'

/** The operations that are compared, each in its own table, in this order. */
export const OPERATIONS = {
  verify: 'An authenticated request',
  refresh: 'Refresh a session',
  login: 'Sign in with a password',
  list: 'List the sessions of a user (5)',
  profile: 'Get the signed-in user',
  introspect: 'Introspect an access token',
  revoke: 'Revoke another session',
  logout: 'Sign out',
} as const

/** Fewer for what keeps a core busy for milliseconds: more would only wait for each other. */
const CONNECTIONS: Partial<Record<Operation, number>> = { login: 8 }
const MOST_CONNECTIONS = 50

export const connectionsFor = (operation: Operation): number => CONNECTIONS[operation] ?? MOST_CONNECTIONS

export type Operation = keyof typeof OPERATIONS
export type Kind = 'latchkey' | 'ceiling' | 'peer'

/** What a system guarantees. It is printed beside its figures: without it, they cannot be compared. */
export interface Guarantees {
  /** Whether what was answered survives a power failure. */
  durable: string
  /** Whether each refresh replaces the refresh token. */
  rotation: string
  /** Whether a stolen refresh token is found when it is used a second time. */
  reuseFound: string
  /** Whether the access of a revoked session ends with the next request. */
  revokedAtOnce: string
}

/** One row of a table: how to measure one operation of one system once. */
export interface Measure {
  operation: Operation
  name: string
  /** That of the system if not given. */
  kind?: Kind
  measure: HttpMeasure | ProgramMeasure
}

/** Requests over HTTP, which the load generator sends. */
export interface HttpMeasure {
  /** Called before each measurement; `count` requests are enough where each can be sent only once. */
  scenario(count: number): Scenario | Promise<Scenario>
  /** Takes the tokens of the chains at the end of a measurement. */
  onTokens?: (tokens: string[]) => void
  /** About how many requests it answers in a second, where each can be sent only once. */
  atMost?: number
}

/** A program that makes its own load. */
export interface ProgramMeasure {
  run(seconds: number): Promise<Sample>
}

/** A started system. */
export interface Contender {
  name: string
  kind: Kind
  guarantees?: Guarantees
  port?: number
  /** Undefined if there is no process that answers requests. */
  pid?: number
  /** From its start to its first answer. */
  readyAfterMs?: number
  /** The memory of its process before the first request. */
  restMb?: number
  measures: Measure[]
  stop(): Promise<void>
}
