import type postgres from 'postgres'
import type { SentStatement } from './sent-statements.js'

/** A node of a plan, as EXPLAIN with the format JSON returns it. */
export interface PlanNode {
  'Node Type': string
  'Total Cost': number
  'Relation Name'?: string
  Plans?: PlanNode[]
}

/**
 * The plans of a statement: for these values, and for any values. Postgres can use the second one, the generic plan, from the
 * sixth execution on.
 */
export async function plansOf(sql: postgres.Sql, { text, parameters }: SentStatement): Promise<PlanNode[]> {
  const types = parameters.length === 0 ? '' : `(${parameters.map(typeOf).join()})`
  const values = parameters.length === 0 ? '' : `(${parameters.map(literal).join()})`
  const plans: PlanNode[] = []
  for (const mode of ['force_custom_plan', 'force_generic_plan']) {
    await sql.unsafe(`set plan_cache_mode = ${mode}; prepare statement ${types} as ${text}`)
    const [row] = await sql.unsafe(`explain (format json) execute statement ${values}`)
    await sql.unsafe('deallocate statement')
    plans.push(row!['QUERY PLAN'][0].Plan)
  }
  return plans
}

/** The parameter types that postgres.js sends; Postgres infers the others from the statement. */
function typeOf(value: unknown): string {
  if (typeof value === 'boolean') return 'boolean'
  return Buffer.isBuffer(value) ? 'bytea' : 'unknown'
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  const text = Buffer.isBuffer(value) ? `\\x${value.toString('hex')}` : String(value)
  return `'${text.replaceAll("'", "''")}'`
}
