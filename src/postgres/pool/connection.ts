import type { Socket } from 'node:net'
import type { PgDatabase } from 'drizzle-orm/pg-core'
import { drizzle, type PostgresJsQueryResultHKT } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import type { Place } from '../../config/store-url.js'
import { LatchkeyError } from '../../lib/errors.js'
import { setDeadline } from '../../lib/set-deadline.js'
import { endsConnection, redacted } from '../errors.js'
import { type ConnectionOptions, clientOptions, type Route, sessionSettings, setLocally } from './client-options.js'
import { pinEachTransaction } from './pinned-client.js'
import { type Address, connectTo } from './socket.js'

/** Runs statements on one connection, or in one transaction on it. */
export type Executor = PgDatabase<PostgresJsQueryResultHKT, Record<string, never>>

/** A statement that is sent often. It is built once for each connection and prepared by the server under its name. */
export interface Statement<Arguments extends object, Row> {
  name: string
  build: (executor: Executor) => { execute(placeholders?: Record<string, unknown>): Promise<Row[]> }
  /** Never set; carries the type of the arguments. */
  arguments?: Arguments
}

/** One connection to Postgres, opened at its first use. A lost connection is replaced, never reopened. */
export interface Connection {
  readonly executor: Executor
  /** The total weight of its unfinished work. */
  readonly busy: number
  /** How many pieces of work are unfinished on it. */
  readonly unfinished: number
  readonly isLost: boolean
  readonly ageMs: number
  /** The time since work on it last ended. */
  readonly sinceLastAnswerMs: number
  /** Runs work on it, and rejects as soon as the connection is lost or the time limit is reached. */
  use<T>(weight: number, work: (connection: Connection) => Promise<T>): Promise<T>
  prepared<Arguments extends object, Row>(
    statement: Statement<Arguments, Row>,
  ): ReturnType<Statement<Arguments, Row>['build']>
  /** Closes it at once and rejects the unfinished work. */
  discard(): void
  /** Says that its server is no longer the one to connect to. */
  leave(): void
  /** Closes it when its work has ended, or after five seconds. */
  end(): Promise<void>
}

export interface ConnectionEvents {
  onLost(connection: Connection): void
  /** Work exceeded its time limit. */
  onDeadline(connection: Connection): void
}

/** Creates a connection, which is opened at its first use. */
export function openConnection(options: ConnectionOptions & { route: Route }, events: ConnectionEvents): Connection {
  // postgres.js must not continue after its connection was closed: it can write to the closed socket, which throws
  // where it cannot be caught, or wait for ever (docs/adr/0003-connections.md). So each client is used for one
  // connection only.
  let socket: Socket | undefined
  let place: Place | undefined
  let opened: { client: postgres.Sql; executor: Executor } | undefined
  const statements = new Map<string, ReturnType<Statement<object, unknown>['build']>>()
  const waiting = new Set<(error: LatchkeyError) => void>()
  const openedAt = performance.now()
  let lastAnswerAt = openedAt
  let busy = 0
  let isLost = false

  /** Called at the first use, because by then another connection may have found a pooler. */
  function open() {
    const { connect_timeout = 0, ...common } = clientOptions(options)
    const client = postgres({
      ...common,
      // After a pause of this process, its timer would fire although the server has answered. connectTo has a better
      // one.
      connect_timeout: 0,
      max_lifetime: 0,
      onclose: () => discard(),
      socket: async (address: Address) => {
        place = await options.route.primary?.find()
        if (isLost) throw new Error('the connection to Postgres was lost')
        socket = connectTo(place ?? address, connect_timeout * 1000)
        return socket
      },
    } as postgres.Options<Record<string, postgres.PostgresType>>)
    const pinned = options.route.isPooled
      ? pinEachTransaction(client, setLocally(sessionSettings(options.timeoutMs)))
      : client
    return { client, executor: drizzle(pinned, { casing: 'snake_case' }) }
  }

  function executor(): Executor {
    opened ??= open()
    return opened.executor
  }

  function discard(cause: unknown = 'the connection to Postgres was lost'): void {
    if (isLost) return
    isLost = true
    options.route.primary?.forget(place)
    events.onLost(connection)
    for (const reject of waiting) reject(unavailable(cause))
    socket?.destroy()
    void opened?.client.end({ timeout: 0 })
  }

  const connection: Connection = {
    get executor() {
      return executor()
    },
    get busy() {
      return busy
    },
    get unfinished() {
      return waiting.size
    },
    get isLost() {
      return isLost
    },
    get ageMs() {
      return performance.now() - openedAt
    },
    get sinceLastAnswerMs() {
      return performance.now() - lastAnswerAt
    },
    use: (weight, work) =>
      new Promise((resolve, reject) => {
        busy += weight
        waiting.add(reject)
        // The server enforces its own limit; this one is for a server that no longer answers at all.
        const deadline = setDeadline(options.timeoutMs + 500, () => {
          if (!waiting.has(reject)) return
          reject(unavailable('Postgres did not answer in time'))
          events.onDeadline(connection)
        })
        work(connection)
          .then(resolve, (error: unknown) => {
            const cause = redacted(error)
            if (endsConnection(cause)) discard(cause)
            reject(cause)
          })
          .finally(() => {
            clearTimeout(deadline)
            waiting.delete(reject)
            busy -= weight
            lastAnswerAt = performance.now()
          })
      }),
    prepared<Arguments extends object, Row>(statement: Statement<Arguments, Row>) {
      let built = statements.get(statement.name)
      if (!built) {
        built = statement.build(executor())
        statements.set(statement.name, built)
      }
      return built as ReturnType<Statement<Arguments, Row>['build']>
    },
    discard,
    leave: () => options.route.primary?.forget(place),
    end: async () => opened?.client.end({ timeout: 5 }),
  }
  return connection
}

function unavailable(cause: unknown): LatchkeyError {
  return new LatchkeyError('store_unavailable', { retryAfterSeconds: 1, cause })
}
