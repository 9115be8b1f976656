import { setTimeout as sleep } from 'node:timers/promises'
import type { SQL } from 'drizzle-orm'
import { PgDialect } from 'drizzle-orm/pg-core'
import { endsConnection, isReadOnlyServer, isTransactionConflict, redacted, refusesSessionSettings } from '../errors.js'
import type { ConnectionOptions as OneConnectionOptions } from './client-options.js'
import { type Connection, type Executor, openConnection, type Statement } from './connection.js'
import { expectedRoute } from './route.js'

export type { Executor, Statement } from './connection.js'

export interface ConnectionOptions extends OneConnectionOptions {
  size: number
}

/** Names the type of a hot statement's placeholders; see {@link Statement}. */
export function hotStatement<Arguments extends object, Row>(
  name: string,
  build: Statement<Arguments, Row>['build'],
): Statement<Arguments, Row> {
  return { name, build }
}

/** Sends statements: each on the least busy connection, or all on the connection of a transaction. */
export interface Runner {
  run<T>(query: (executor: Executor) => PromiseLike<T>): Promise<T>
  hot<Arguments extends object, Row>(statement: Statement<Arguments, Row>, values: Arguments): Promise<Row[]>
}

export interface Connections extends Runner {
  /**
   * Runs the work in one READ COMMITTED transaction; it is rolled back if the work rejects. The work can be run again
   * after a rollback.
   */
  transaction<T>(work: (runner: Runner) => Promise<T>): Promise<T>
  /** For work that is done again and again without a request: its statements are not counted, and have no spans. */
  readonly periodic: Runner
  /** The number of statements sent so far. */
  readonly sent: number
  /** How much is in progress now. */
  load(): Load
  close(): Promise<void>
}

/** The load of the connections to Postgres. */
export interface Load {
  /** How many connections there can be; each is opened at its first use. */
  size: number
  /** How many of them work. */
  inUse: number
  /** Statements and transactions that wait for an earlier one on the same connection. */
  waiting: number
}

/** A statement on the connection of a transaction waits for its end, so such a connection is chosen last. */
const TRANSACTION_WEIGHT = 1000
/** A new connection would reach the same server as one that is younger than this. */
const YOUNG_MS = 1000

/**
 * Opens the connections to Postgres: `size` clients with one connection each; the least busy one is used.
 *
 * One client with a pool would be slower: with several connections, postgres.js never shrinks its queues of
 * connections, so each query costs more than the one before (docs/adr/0003-connections.md).
 */
export function openConnections(given: ConnectionOptions): Connections {
  const route = given.route ?? expectedRoute(given)
  const options = { ...given, route }
  const events = { onLost: replace, onDeadline: discardSilent }
  const connections = Array.from({ length: options.size }, () => openConnection(options, events))
  const successors = new WeakMap<Connection, Connection>()
  let closed = false
  let sent = 0

  function leastBusy(): Connection {
    let best = connections[0]!
    for (const connection of connections) {
      if (connection.busy === 0) return connection
      if (connection.busy < best.busy) best = connection
    }
    return best
  }

  function replace(connection: Connection): void {
    const place = connections.indexOf(connection)
    if (closed || place === -1) return
    connections[place] = openConnection(options, events)
    successors.set(connection, connections[place])
  }

  /**
   * A firewall that dropped one connection has dropped the idle ones too. Without this, their next users would wait
   * too.
   */
  function discardSilent(late: Connection): void {
    for (const connection of [...connections]) {
      const isSuspect = connection === late || connection.busy === 0
      if (isSuspect && connection.sinceLastAnswerMs >= options.timeoutMs) connection.discard()
    }
  }

  /** Runs work, and again if the server rolled all of it back. */
  async function using<T>(weight: number, work: (connection: Connection) => Promise<T>): Promise<T> {
    let connection = leastBusy()
    for (let attempt = 1; ; attempt++) {
      try {
        return await connection.use(weight, work)
      } catch (error) {
        const next = attempt < ATTEMPTS ? await nextFor(connection, error) : undefined
        if (next === undefined) throw error
        connection = next
      }
    }
  }

  /** The connection for the next attempt; undefined if another attempt cannot succeed. */
  async function nextFor(connection: Connection, error: unknown): Promise<Connection | undefined> {
    if (refusesSessionSettings((error as { cause?: unknown }).cause)) {
      // There is a pooler. From now on each transaction sets them for itself.
      route.isPooled = true
      return successors.get(connection)
    }
    if (isTransactionConflict(error)) {
      // A random pause, so that conflicting transactions do not all start again at the same moment.
      await sleep(Math.random() * LONGEST_PAUSE_MS)
      return leastBusy()
    }
    if (!isReadOnlyServer(error)) return undefined
    // By now the address may lead to another server. The other connections lead to the read-only one too.
    for (const each of [...connections]) if (each.ageMs >= YOUNG_MS) retire(each)
    return successors.get(connection)
  }

  function retire(connection: Connection): void {
    replace(connection)
    connection.leave()
    void connection.end()
  }

  function runner(count: () => void): Runner {
    return {
      run: query =>
        using(1, async ({ executor }) => {
          count()
          return query(executor)
        }),
      hot: (statement, values) =>
        using(1, async connection => {
          count()
          return connection.prepared(statement).execute(values as Record<string, unknown>)
        }),
    }
  }

  return {
    get sent() {
      return sent
    },
    load() {
      const used = connections.filter(({ unfinished }) => unfinished > 0)
      const waiting = used.reduce((sum, { unfinished }) => sum + unfinished - 1, 0)
      return { size: connections.length, inUse: used.length, waiting }
    },
    ...runner(() => sent++),
    periodic: runner(() => {}),
    transaction: work =>
      using(TRANSACTION_WEIGHT, connection =>
        inTransaction(connection, transaction => {
          const send = () => {
            if (connection.isLost) throw new Error('the connection of this transaction was lost')
            sent++
          }
          return work({
            run: async query => {
              send()
              return query(transaction)
            },
            hot: async (statement, values) => {
              send()
              return statement.build(transaction).execute(values as Record<string, unknown>)
            },
          })
        }),
      ),
    async close() {
      closed = true
      await Promise.all(connections.map(connection => connection.end()))
    },
  }
}

/** The largest number of attempts for one piece of work. */
const ATTEMPTS = 4
const LONGEST_PAUSE_MS = 50

function inTransaction<T>(connection: Connection, work: (executor: Executor) => Promise<T>): Promise<T> {
  return connection.executor.transaction(async transaction => {
    try {
      return await work(transaction)
    } catch (error) {
      // After an error, postgres.js sends a ROLLBACK. On a lost connection this would throw where it cannot be caught.
      // The waiting caller has already been rejected.
      if (endsConnection(redacted(error))) connection.discard()
      if (connection.isLost) return new Promise<never>(() => {})
      throw error
    }
  })
}

const dialect = new PgDialect({ casing: 'snake_case' })

/**
 * A hot statement in plain SQL, with placeholders. Its text is built only once, for transactions too. Its rows are as
 * the driver reads them: instants are text.
 */
export function hotSql<Arguments extends object, Row>(name: string, text: SQL): Statement<Arguments, Row> {
  const query = dialect.sqlToQuery(text)
  return hotStatement(name, executor =>
    executor._.session.prepareQuery<{ execute: Row[]; all: unknown; values: unknown }>(query, undefined, name, false),
  )
}
