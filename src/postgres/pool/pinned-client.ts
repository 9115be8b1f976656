import type postgres from 'postgres'

/**
 * A client behind a pooler, where a setting of the session would be the next client's too. So each transaction sets
 * what it relies on, and a statement alone becomes a transaction. What precedes a statement is sent together with it.
 *
 * @param settings statements that set for a transaction, see `setLocally`
 * @returns as much of a client as Drizzle uses
 */
export function pinEachTransaction(client: postgres.Sql, settings: string): postgres.Sql {
  const begin = `begin isolation level read committed; ${settings}`

  async function alone<T>(statement: Sent<T>): Promise<T> {
    // The driver keeps this order, and lets nothing of others come between: all three are given to it at once.
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
      // biome-ignore lint/suspicious/noThenProperty: like the driver's own, it is sent when somebody waits for it.
      then: (resolve, reject) => alone(statement).then(resolve, reject),
    }
  }

  return {
    options: client.options,
    unsafe,
    begin: <T>(work: (transaction: postgres.TransactionSql) => Promise<T>) =>
      client.begin('isolation level read committed', transaction => {
        // Not waited for: it goes out with the first statement, and if it fails the driver fails the transaction.
        void transaction.unsafe(settings).execute()
        return work(transaction)
      }),
  } as unknown as postgres.Sql
}

type Sent<T> = PromiseLike<T> & { execute(): unknown }
type Unsafe = (...args: Parameters<postgres.Sql['unsafe']>) => PromiseLike<unknown> & { values(): Promise<unknown> }
