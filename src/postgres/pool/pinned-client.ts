import type postgres from 'postgres'

/**
 * A client behind a pooler, where the settings of a session would also apply to the next client. So each transaction
 * sets what it needs, and a single statement becomes a transaction; all of its parts are sent together.
 *
 * @param settings statements that apply to one transaction, see `setLocally`
 * @returns the part of a client that Drizzle uses
 */
export function pinEachTransaction(client: postgres.Sql, settings: string): postgres.Sql {
  const begin = `begin isolation level read committed; ${settings}`

  async function alone<T>(statement: Sent<T>): Promise<T> {
    // The driver gets all three at once, so it sends them in this order and nothing between them.
    const sent = [client.unsafe(begin).execute(), statement.execute(), client.unsafe('commit').execute()] as const
    const [begun, done, committed] = await Promise.allSettled(sent)
    if (begun.status === 'rejected') throw begun.reason
    if (done.status === 'rejected') throw done.reason
    if (committed.status === 'rejected') throw committed.reason
    return done.value as T
  }

  const unsafe: Unsafe = (...args) => {
    const statement = client.unsafe(...args)
    return {
      values: () => alone(statement.values()),
      // biome-ignore lint/suspicious/noThenProperty: like the driver's own statements, it is sent when it is awaited.
      then: (resolve, reject) => alone(statement).then(resolve, reject),
    }
  }

  return {
    options: client.options,
    unsafe,
    begin: <T>(work: (transaction: postgres.TransactionSql) => Promise<T>) =>
      client.begin('isolation level read committed', transaction => {
        // Not awaited: it is sent with the first statement, and if it fails, the driver fails the transaction.
        void transaction.unsafe(settings).execute()
        return work(transaction)
      }),
  } as unknown as postgres.Sql
}

type Sent<T> = PromiseLike<T> & { execute(): unknown }
type Unsafe = (...args: Parameters<postgres.Sql['unsafe']>) => PromiseLike<unknown> & { values(): Promise<unknown> }
