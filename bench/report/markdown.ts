import { OPERATIONS, type Operation } from '../contender.js'
import type { Spread } from '../measure/medians.js'
import type { Footprint, Row } from '../measure/results.js'
import type { Report } from './report.js'

/** The report as Markdown: what was measured on, a table for each operation, and one of the processes. */
export function markdown({ machine, form, rows, footprints, skipped }: Report): string {
  const operations = (Object.keys(OPERATIONS) as Operation[]).filter(each => rows.some(row => row.operation === each))
  const seconds = `${form.seconds} s after ${form.warmUpSeconds} s of warm-up`
  return [
    `Measured on ${machine.day} with Node ${machine.node}, Postgres ${machine.postgres} and Redis ${machine.redis}, on ${machine.cpus} × ${machine.cpu}, which the load generator shared. 50 connections; ${form.starts} starts of every process, ${form.rounds} rounds each, ${seconds}. Medians; in parentheses the lowest and the highest start.`,
    ...skipped.map(line => `Not measured: ${line}`),
    ...operations.map(operation =>
      [`### ${OPERATIONS[operation]}`, tableOf(rows.filter(row => row.operation === operation))].join('\n\n'),
    ),
    ...(footprints.length > 0 ? [`### Start and memory\n\n${tableOfProcesses(footprints)}`] : []),
  ].join('\n\n')
}

const TITLES = [
  '',
  'requests/s',
  'Latchkey is',
  'µs of CPU: server',
  'Postgres',
  'Redis',
  'p50, ms',
  'p99',
  'p99.9',
  'at half that rate: p50, ms',
  'p99',
  'p99.9',
  'durable',
  'rotates',
  'finds reuse',
  'revokes at once',
]
const NUMBERS = 11

function tableOf(rows: readonly Row[]): string {
  // The first row of Latchkey is the one that the others are compared with.
  const own = rows.find(({ kind }) => kind === 'latchkey')
  return table(
    TITLES,
    [...rows].sort(byKindAndRate).map(row => {
      const { kind, rate, cpu, open, promises } = row
      return [
        nameOf(row),
        `${count(rate.median)} (${count(rate.min)}–${count(rate.max)})`,
        row === own || own === undefined ? '' : compared(own.rate.median, rate.median, kind),
        cpu ? micro(cpu.server) : '',
        cpu ? micro(cpu.postgres) : '',
        cpu ? micro(cpu.redis) : '',
        ...[row.p50, row.p99, row.p999].map(ms),
        ...(open ? [open.p50, open.p99, open.p999].map(ms) : ['', '', '']),
        ...(promises
          ? [promises.durable, promises.rotation, promises.reuseFound, promises.revokedAtOnce]
          : ['', '', '', '']),
      ]
    }),
  )
}

/** How many times as fast Latchkey is; beside a ceiling or another way to call it, which part of it. */
function compared(own: number, other: number, kind: Row['kind']): string {
  return kind === 'peer' ? `${(own / other).toFixed(1)} ×` : `${Math.round((100 * own) / other)} %`
}

const ORDER = { ceiling: 0, latchkey: 1, peer: 2 }

function byKindAndRate(a: Row, b: Row): number {
  return ORDER[a.kind] - ORDER[b.kind] || b.rate.median - a.rate.median
}

function nameOf({ kind, contender, name }: Row): string {
  if (kind === 'ceiling') return `*${name}*`
  return kind === 'latchkey' ? `**Latchkey**, ${name}` : `${contender}, ${name}`
}

function tableOfProcesses(footprints: readonly Footprint[]): string {
  const spread = ({ median, min, max }: Spread) => `${count(median)} (${count(min)}–${count(max)})`
  return table(
    ['', 'from start to first answer, ms', 'memory at rest, MB', 'memory under load, MB'],
    footprints.map(({ contender, readyAfterMs, restMb, loadMb }) => [
      contender,
      spread(readyAfterMs),
      spread(restMb),
      spread(loadMb),
    ]),
  )
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const alignment = titles.map((_, at) => (at > 0 && at <= NUMBERS ? '---:' : '---'))
  return [titles, alignment, ...rows].map(line).join('\n')
}

const count = (value: number) => Math.round(value).toLocaleString('en')
const micro = (value: number) => (value < 0.5 ? '0' : value.toFixed(value < 10 ? 1 : 0))
const ms = (value: number) => value.toFixed(value < 1 ? 2 : 1)
