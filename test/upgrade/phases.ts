import type { Test } from 'tap'
import { type Load, OPERATIONS, type Sample } from '../failovers/load.js'

/** The parts of the test, and what the load was answered in each of them. */
export class Phases {
  readonly #rows: string[] = []
  readonly #t: Test

  constructor(t: Test, release: string) {
    this.#t = t
    this.#rows.push(`old is ${release}`, 'phase | seconds | requests | refused | slowest')
  }

  async run<Result>(name: string, load: Load, act: () => Promise<Result>): Promise<Result> {
    const begunAtMs = performance.now()
    const result = await act()
    const samples = OPERATIONS.flatMap(operation =>
      load.samples[operation].filter(sample => sample.endedAtMs >= begunAtMs).map(sample => ({ operation, ...sample })),
    )
    const refused = samples.filter(({ isSuccess }) => !isSuccess)
    this.#t.strictSame([...new Set(refused.map(describe))], [], `${name}: no request is refused`)
    for (const operation of OPERATIONS)
      this.#t.ok(
        samples.some(sample => sample.operation === operation),
        `${name}: ${operation} is tried`,
      )
    const slowestMs = Math.max(...samples.map(({ startedAtMs, endedAtMs }) => endedAtMs - startedAtMs))
    const cells = [samples.length, refused.length, `${Math.round(slowestMs)} ms`]
    this.#rows.push([name, ((performance.now() - begunAtMs) / 1000).toFixed(1), ...cells].join(' | '))
    return result
  }

  print(): void {
    for (const row of this.#rows) this.#t.comment(row)
  }
}

function describe({ operation, answer }: Sample & { operation: string }): string {
  return `${operation}: ${answer}`
}
