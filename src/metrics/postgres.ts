import { Counter, Gauge } from 'prom-client'
import type { AuthContext } from '../domain/context.js'
import type { MetricsOptions } from './sources.js'

type Load = ReturnType<AuthContext['db']['load']>['requests']

/** The connections to Postgres: those for requests, and the one that reads the journal and the keys. */
export function measurePostgres({ registry, context }: MetricsOptions): void {
  const registers = [registry]
  const gauge = (name: string, help: string, valueIn: (load: Load) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ['pool'],
      registers,
      collect() {
        for (const [pool, load] of Object.entries(context()?.db.load() ?? {})) this.set({ pool }, valueIn(load))
      },
    })
  gauge('latchkey_postgres_connections_max', 'How many connections a pool can have.', ({ size }) => size)
  gauge('latchkey_postgres_connections_in_use', 'Connections that work now.', ({ inUse }) => inUse)
  gauge(
    'latchkey_postgres_work_waiting',
    'Statements and transactions that wait for an earlier one on their connection.',
    ({ waiting }) => waiting,
  )
  new Counter({
    name: 'latchkey_postgres_statements_total',
    help: 'Statements sent to Postgres, without those that read the journal and the keys every second.',
    registers,
    collect() {
      this.reset()
      this.inc(context()?.db.statementsSent ?? 0)
    },
  })
}
