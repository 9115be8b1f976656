import { type Kind, OPERATIONS, type Operation } from '../contender.js'
import type { Row } from '../measure/results.js'
import type { Report } from './report.js'

const WIDTH = 900
const MARGIN = 24
/** Where the bars begin, and how long the longest is. Beyond it is the figure. */
const BARS_AT = 400
const BAR_LENGTH = 370
const BAR_HEIGHT = 16
const LINE_HEIGHT = 24
const TITLE_HEIGHT = 40
const FOOT_HEIGHT = 40

/** The operations that have something beside Latchkey. */
interface Group {
  title: string
  rows: Row[]
}

/**
 * One group of horizontal bars for each operation: what the machine can do, Latchkey, and the others. The bars of a group have
 * one scale, which begins at zero.
 *
 * @param operations - by default all
 */
export function chart({ rows, machine, form }: Report, operations = Object.keys(OPERATIONS) as Operation[]): string {
  const groups = operations.map(operation => groupOf(operation, rows)).filter(group => group.rows.length > 1)
  let y = MARGIN
  const parts: string[] = []
  for (const group of groups) {
    parts.push(...drawGroup(group, y))
    y += TITLE_HEIGHT + group.rows.length * LINE_HEIGHT
  }
  const height = y + FOOT_HEIGHT
  const foot =
    `Requests a second, more is better; the thin line spans the starts. ${machine.cpus} cores of ${machine.cpu}, Node ${machine.node}, ` +
    `${form.starts} starts, ${machine.day}.`
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="Requests a second of Latchkey beside what the machine can do and beside other systems">`,
    STYLE,
    `<rect width="${WIDTH}" height="${height}" class="page"/>`,
    ...parts,
    `<text x="${MARGIN}" y="${height - MARGIN / 2 - 4}" class="foot">${escaped(foot)}</text>`,
    '</svg>',
  ].join('\n')}\n`
}

function groupOf(operation: Operation, rows: readonly Row[]): Group {
  const own = rows.filter(row => row.operation === operation)
  const order: readonly Kind[] = ['ceiling', 'latchkey', 'peer']
  return {
    title: OPERATIONS[operation],
    rows: order.flatMap(kind => own.filter(row => row.kind === kind).sort((a, b) => b.rate.median - a.rate.median)),
  }
}

function drawGroup({ title, rows }: Group, top: number): string[] {
  const most = Math.max(...rows.map(({ rate }) => rate.max))
  const x = (rate: number) => BARS_AT + (BAR_LENGTH * rate) / most
  return [
    `<text x="${MARGIN}" y="${top + 22}" class="title">${escaped(title)}</text>`,
    ...rows.flatMap((row, at) => {
      const y = top + TITLE_HEIGHT + at * LINE_HEIGHT - 6
      const middle = y + BAR_HEIGHT / 2
      const { median, min, max } = row.rate
      return [
        `<text x="${BARS_AT - 10}" y="${y + 12}" class="name ${row.kind}">${escaped(labelOf(row))}</text>`,
        `<rect x="${BARS_AT}" y="${y}" width="${Math.max(1, x(median) - BARS_AT).toFixed(1)}" height="${BAR_HEIGHT}" rx="2" class="bar ${row.kind}"/>`,
        `<line x1="${x(min).toFixed(1)}" x2="${x(max).toFixed(1)}" y1="${middle}" y2="${middle}" class="range"/>`,
        `<text x="${(x(max) + 8).toFixed(1)}" y="${y + 12}" class="rate ${row.kind}">${Math.round(median).toLocaleString('en')}</text>`,
      ]
    }),
  ]
}

function labelOf({ kind, contender, name }: Row): string {
  if (kind === 'peer') return contender
  // Without the route, which the title explains.
  return kind === 'ceiling' ? name : ['Latchkey', ...name.split(', ').slice(1)].join(', ')
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

const STYLE = `<style>
  text { font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #24292f }
  .page { fill: #ffffff }
  .title { font-size: 16px; font-weight: 600 }
  .name { text-anchor: end }
  .name.latchkey, .rate.latchkey { font-weight: 700 }
  .name.ceiling, .rate.ceiling { fill: #6e7781 }
  .bar.latchkey { fill: #0a6cbd }
  .bar.peer { fill: #b3bac2 }
  .bar.ceiling { fill: #ffffff; stroke: #8c959f; stroke-dasharray: 4 3 }
  .range { stroke: #24292f; stroke-opacity: 0.6 }
  .foot { font-size: 12px; fill: #57606a }
</style>`
