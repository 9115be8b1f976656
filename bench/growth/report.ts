import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { OPERATIONS } from '../contender.js'
import { type Machine, thisMachine } from '../report/machine.js'
import type { BenchStores } from '../stores/start.js'
import { EXPIRED_SESSIONS } from './fill.js'
import type { MeasuredOperation } from './operations.js'
import type { Grown } from './run.js'
import { TABLES } from './statistics.js'

export interface GrowthReport {
  machine: Machine & { sharedBuffers: string }
  grown: Grown[]
}

export function reportOf(grown: Grown[], stores: BenchStores, sharedBuffers: string): GrowthReport {
  return {
    machine: { ...thisMachine(stores), sharedBuffers },
    grown,
  }
}

/** Writes growth.json and growth.md. */
export async function writeReport(report: GrowthReport, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'growth.json'), `${JSON.stringify(report, null, 2)}\n`)
  await writeFile(join(folder, 'growth.md'), `${markdown(report)}\n`)
}

export function markdown({ machine, grown }: GrowthReport): string {
  const { day, node, postgres, redis, cpus, cpu, sharedBuffers } = machine
  return [
    `Measured on ${day} with Node ${node}, Postgres ${postgres} (shared_buffers ${sharedBuffers}) and Redis ${redis} on ` +
      `${cpus} cores of ${cpu}, which the load generator and all processes shared.`,
    ...['refresh', 'list', 'revoke', 'login'].map(name => operationTable(name as keyof typeof OPERATIONS, grown)),
    section(
      'Refresh while VACUUM reads every page of the large tables',
      ['sessions', 'VACUUM', ...OPERATION_TITLES],
      grown.flatMap(({ sessions, duringVacuum }) =>
        duringVacuum.map(each => [count(sessions), each.vacuum, ...operationCells(each)]),
      ),
    ),
    section(
      'Bytes a session; of a user for `users`',
      ['sessions', ...TABLES.flatMap(table => [table, 'its indexes']), 'all, MB', 'filled in, s'],
      grown.map(({ sessions, users, sizes, fillSeconds }) => [
        count(sessions),
        ...TABLES.flatMap(table => {
          const rows = table === 'users' ? users : sessions + EXPIRED_SESSIONS
          return [sizes[table].heap, sizes[table].indexes].map(bytes => count(bytes / rows))
        }),
        count(TABLES.reduce((sum, table) => sum + sizes[table].total, 0) / 1e6),
        count(fillSeconds),
      ]),
    ),
    section(
      'What an operation writes to the log (WAL)',
      ['sessions', 'operation', 'bytes', 'page images', 'syncs'],
      grown.flatMap(({ sessions, log }) =>
        log.map(each => [
          count(sessions),
          each.operation,
          count(each.bytes),
          each.images.toFixed(2),
          each.syncs.toFixed(2),
        ]),
      ),
    ),
    section(
      'Rotations at full rate',
      [
        'sessions',
        'seconds',
        'rotations',
        'HOT',
        'growth of the table, KB',
        'of its index, KB',
        'log, bytes each',
        'p99, ms',
      ],
      grown.map(({ sessions, longRun }) => [
        count(sessions),
        count(longRun.seconds),
        count(longRun.rotations),
        percent(longRun.hotPart),
        count(longRun.heapGrowth / 1024),
        count(longRun.indexGrowth / 1024),
        count(longRun.logBytes / longRun.rotations),
        longRun.latency.p99.toFixed(1),
      ]),
    ),
    section(
      'Clean-up of expired sessions',
      ['sessions', 'expired', 'seconds', 'a second', 'CPU of Postgres for each, µs'],
      grown.map(({ sessions, cleanUp }) => [
        count(sessions),
        count(cleanUp.sessions),
        cleanUp.seconds.toFixed(1),
        count(cleanUp.sessions / cleanUp.seconds),
        count(cleanUp.postgresMicroseconds),
      ]),
    ),
    section(
      'Bytes of other data',
      [
        'sessions',
        'an entry of the journal',
        'a security event',
        'Redis: the activity of a session',
        'Redis: a revocation',
      ],
      grown.map(({ sessions, rows, redis }) =>
        [sessions, rows.revocation, rows.event, redis.activity, redis.revocation].map(count),
      ),
    ),
    section(
      'Plans with JIT on',
      ['sessions', 'statements', 'highest cost', 'scan of a large table', 'compiled'],
      grown.map(({ sessions, plans }) => [
        count(sessions),
        count(plans.statements),
        `${count(plans.mostExpensive.cost)} (${plans.mostExpensive.name})`,
        plans.scans.join(', ') || 'none',
        plans.compiled.join(', ') || 'none',
      ]),
    ),
  ].join('\n\n')
}

const OPERATION_TITLES = [
  'requests/s',
  'p50, ms',
  'p99, ms',
  'at half of it: p50, ms',
  'p99, ms',
  'CPU, µs: service',
  'Postgres',
  'heap pages not in the buffers',
  'index pages',
]

function operationTable(operation: keyof typeof OPERATIONS, grown: readonly Grown[]): string {
  const title = operation === 'list' ? 'List the sessions of a user (2)' : OPERATIONS[operation]
  const rows = grown.flatMap(({ sessions, operations }) =>
    operations.filter(each => each.operation === operation).map(each => [count(sessions), ...operationCells(each)]),
  )
  return section(title, ['sessions', ...OPERATION_TITLES], rows)
}

function operationCells({ rate, latency, open, cpu, heapMisses, indexMisses }: MeasuredOperation): string[] {
  const times = [latency.p50, latency.p99, open?.latency.p50, open?.latency.p99]
  return [
    count(rate),
    ...times.map(ms => ms?.toFixed(1) ?? ''),
    count(cpu!.server),
    count(cpu!.postgres),
    percent(heapMisses),
    percent(indexMisses),
  ]
}

function section(title: string, titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [`### ${title}`, '', line(titles), line(titles.map(() => '---:')), ...rows.map(line)].join('\n')
}

const count = (value: number) => Math.round(value).toLocaleString('en')
const percent = (part: number) => `${(100 * part).toFixed(part > 0.999 || part < 0.001 ? 2 : 1)} %`
