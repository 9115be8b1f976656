import type postgres from 'postgres'
import type { TestApp } from './build-test-app.js'

/**
 * Keeps another transaction open while a request runs, commits it when the request waits for it, and returns
 * the response.
 */
export async function whileOpen<Answer>(
  { database }: Pick<TestApp, 'database'>,
  change: (transaction: postgres.TransactionSql) => Promise<unknown>,
  request: () => Promise<Answer>,
): Promise<Answer> {
  let answer: Promise<Answer> | undefined
  await database.admin.begin(async transaction => {
    await change(transaction)
    answer = request()
    await waitUntilSomebodyWaits(transaction)
  })
  return answer as Promise<Answer>
}

/** Gives up after some seconds: without a fence the request does not wait, and the test then sees its effect. */
async function waitUntilSomebodyWaits(sql: postgres.TransactionSql): Promise<void> {
  for (let look = 0; look < 300; look++) {
    const [row] = await sql`
      select count(*)::int from pg_locks where not granted
        and pid in (select pid from pg_stat_activity where datname = current_database())`
    if (row!.count > 0) return
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}
