import type { TraceCall } from '../../lib/trace-call.js'
import type { Connections, Runner } from './connections.js'

/** The same connections, which also make a span of each statement and of each transaction. */
export function tracedConnections(connections: Connections, trace: TraceCall): Connections {
  return {
    ...tracedRunner(connections, trace),
    periodic: connections.periodic,
    transaction: work =>
      trace({ to: 'postgresql', operation: 'transaction' }, () =>
        connections.transaction(runner => work(tracedRunner(runner, trace))),
      ),
    get sent() {
      return connections.sent
    },
    load: () => connections.load(),
    close: () => connections.close(),
  }
}

function tracedRunner(runner: Runner, trace: TraceCall): Runner {
  return {
    run: query =>
      trace({ to: 'postgresql', operation: 'statement' }, span =>
        runner.run(executor => {
          const statement = query(executor)
          span?.describe({ to: 'postgresql', ...summaryOf(statement) })
          return statement
        }),
      ),
    hot: (statement, values) =>
      trace({ to: 'postgresql', operation: statement.name }, () => runner.hot(statement, values)),
  }
}

/** What Drizzle's builders and its raw statements have: the text with placeholders instead of values. */
interface Built {
  toSQL?(): { sql: string }
  getQuery?(): { sql: string }
}

/** The first word of a statement without a name, and its table. Nothing else of its text: it can contain literals. */
function summaryOf(statement: object): { operation: string; table?: string | undefined } {
  const { toSQL, getQuery } = statement as Built
  const { sql = '' } = (toSQL ?? getQuery)?.call(statement) ?? {}
  const [, change, changed] = CHANGE.exec(sql) ?? []
  if (change !== undefined) return { operation: change.toLowerCase(), table: changed }
  const [, operation, table] = READ.exec(sql) ?? []
  return { operation: operation?.toLowerCase() ?? 'statement', table }
}

const CHANGE = /^\s*(insert|update|delete)(?: into| from)? "?(\w+)/i
/** Of a table as Drizzle writes it: after FROM there can also be a function. */
const READ = /^[\s(]*(select|with)\b(?:.*?\bfrom "(\w+)")?/is
