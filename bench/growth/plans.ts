import postgres from 'postgres'
import { openDatabase, type RevokingRepositories } from '../../src/postgres/database.js'
import { everyStatement } from '../../test/support/every-statement.js'
import { type PlanNode, plansOf } from '../../test/support/explain.js'
import { runLatchkey } from '../../test/support/run-latchkey.js'
import { sentStatements } from '../../test/support/sent-statements.js'
import { CLI, settingsOf } from '../service/start.js'
import type { BenchStores } from '../stores/start.js'
import { TABLES } from './statistics.js'

/** Postgres compiles a statement with LLVM (JIT) from this planned cost on, which takes longer than the statement. */
const JIT_ABOVE_COST = 100_000

/** How Postgres plans the statements of the service on full tables, with JIT on. */
export interface Plans {
  statements: number
  /** The largest planned cost, and the method of the repository that sends the statement. */
  mostExpensive: { name: string; cost: number }
  /** Methods whose statement is planned as a scan of a large table, which a limit may end early, with their costs. */
  scans: string[]
  /** Methods whose statement Postgres would compile. */
  compiled: string[]
}

/** Plans every statement that the service can send on these tables, and executes none there. */
export async function checkPlans(stores: BenchStores, databaseUrl: string): Promise<Plans> {
  // The statements are those that the service sends to an empty database: some of them end every session.
  const env = settingsOf(stores, await stores.createDatabase())
  await runLatchkey(['migrate'], { env, program: CLI })
  const db = openDatabase({ url: env.DATABASE_URL!, prepare: true, caFile: undefined, timeoutMs: 10_000, size: 1 })
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {}, connection: { jit: true } })
  const plans: Plans = { statements: 0, mostExpensive: { name: '', cost: 0 }, scans: [], compiled: [] }
  try {
    for (const [repository, calls] of Object.entries(everyStatement(db as unknown as RevokingRepositories)))
      for (const [method, call] of Object.entries(calls)) {
        const name = `${repository}.${method}`
        for (const statement of await sentStatements(call)) {
          const [custom, generic] = await plansOf(sql, statement)
          // What is not prepared is planned each time, with its values.
          const found = statement.isPrepared ? [custom!, generic!] : [custom!]
          const cost = Math.max(...found.map(plan => plan['Total Cost']))
          plans.statements++
          if (cost > plans.mostExpensive.cost) plans.mostExpensive = { name, cost }
          if (cost > JIT_ABOVE_COST) plans.compiled.push(name)
          if (found.some(scansLargeTable)) plans.scans.push(`${name} (${Math.round(cost).toLocaleString('en')})`)
        }
      }
  } finally {
    await Promise.all([db.close(), sql.end()])
  }
  return plans
}

function scansLargeTable(node: PlanNode): boolean {
  const table = node['Relation Name']
  if (node['Node Type'].includes('Seq Scan') && TABLES.some(name => name === table)) return true
  return (node.Plans ?? []).some(scansLargeTable)
}
