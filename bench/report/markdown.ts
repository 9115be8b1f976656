import { OPERATIONS, type Operation } from '../contender.js'
import type { Spread } from '../measure/medians.js'
import type { Footprint, Row } from '../measure/results.js'
import type { Report } from './report.js'

/** The report as Markdown: what was measured on, two tables for each operation, and one of the processes. */
export function markdown({ machine, form, rows, footprints, skipped, failures }: Report): string {
  const operations = (Object.keys(OPERATIONS) as Operation[]).filter(each => rows.some(row => row.operation === each))
  const { day, node, postgres, redis, cpus, cpu } = machine
  return [
    `Measured on ${day} with Node ${node}, Postgres ${postgres} and Redis ${redis} on ${cpus} cores of ${cpu}, which the ` +
      `load generator and all processes shared. Each process was started ${form.starts} times, and after each start each ` +
      `operation was measured ${form.rounds} times for ${form.seconds} s, in turn with the others of its table. The ` +
      'figures are medians; in parentheses are the lowest and the highest start.',
    ...[...skipped, ...failures].map(line => `Not measured: ${line}`),
    ...operations.map(operation => sectionOf(operation, rows)),
    ...(footprints.length > 0 ? [`### Start and memory\n\n${tableOfProcesses(footprints)}`] : []),
  ].join('\n\n')
}

function sectionOf(operation: Operation, all: readonly Row[]): string {
  const rows = all.filter(row => row.operation === operation).sort(byKindAndRate)
  return [`### ${OPERATIONS[operation]}`, tableOfRates(rows), tableOfTimes(rows)].join('\n\n')
}

function tableOfRates(rows: readonly Row[]): string {
  const own = rows.find(({ kind }) => kind === 'latchkey')
  return table(
    ['', 'requests/s', 'Latchkey is', 'durable', 'rotates', 'finds reuse', 'revokes at once'],
    2,
    rows.map(row => [
      nameOf(row),
      spread(row.rate),
      row.kind === 'latchkey' || own === undefined ? '' : compared(own.rate.median, row.rate.median, row.kind),
      ...(row.kind !== 'ceiling' && row.guarantees
        ? [row.guarantees.durable, row.guarantees.rotation, row.guarantees.reuseFound, row.guarantees.revokedAtOnce]
        : ['', '', '', '']),
    ]),
  )
}

function tableOfTimes(rows: readonly Row[]): string {
  const hasOpenLoop = rows.some(({ open }) => open)
  const open = hasOpenLoop ? ['at half of it: p50, ms', 'p99', 'p99.9'] : []
  const titles = ['', 'at full load: p50, ms', 'p99', 'p99.9', ...open, 'CPU, µs: server', 'Postgres', 'Redis']
  return table(
    titles,
    titles.length - 1,
    rows.map(row => [
      nameOf(row),
      ...[row.p50, row.p99, row.p999].map(ms),
      ...(row.open ? [row.open.p50, row.open.p99, row.open.p999].map(ms) : open.map(() => '')),
      ...(row.cpu ? [row.cpu.server, row.cpu.postgres, row.cpu.redis].map(micro) : ['', '', '']),
    ]),
  )
}

/** How many times as fast Latchkey is as another system; which part it is of what the machine can do. */
function compared(own: number, other: number, kind: Row['kind']): string {
  return kind === 'peer' ? `${(own / other).toFixed(1)} ×` : `${Math.round((100 * own) / other)} %`
}

const ORDER = { ceiling: 0, latchkey: 1, peer: 2 }

function byKindAndRate(a: Row, b: Row): number {
  return ORDER[a.kind] - ORDER[b.kind] || (a.kind === 'peer' ? b.rate.median - a.rate.median : 0)
}

function nameOf({ kind, contender, name }: Row): string {
  if (kind === 'ceiling') return `*${name}*`
  return kind === 'latchkey' ? `**Latchkey**, ${name}` : `${contender}: ${name}`
}

function tableOfProcesses(footprints: readonly Footprint[]): string {
  return table(
    ['', 'from start to first answer, ms', 'memory at rest, MB', 'memory under load, MB'],
    3,
    footprints.map(({ contender, readyAfterMs, restMb, loadMb }) => [
      contender,
      spread(readyAfterMs),
      spread(restMb),
      spread(loadMb),
    ]),
  )
}

/** @param numbers - how many columns after the first are numbers */
function table(titles: readonly string[], numbers: number, rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const alignment = titles.map((_, at) => (at > 0 && at <= numbers ? '---:' : '---'))
  return [titles, alignment, ...rows].map(line).join('\n')
}

const count = (value: number) => Math.round(value).toLocaleString('en')
const spread = ({ median, min, max }: Spread) => `${count(median)} (${count(min)}–${count(max)})`
const micro = (value: number) => (value < 0.5 ? '–' : value.toFixed(value < 10 ? 1 : 0))
const ms = (value: number) => value.toFixed(value < 1 ? 2 : 1)
