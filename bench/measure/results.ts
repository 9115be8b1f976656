import type { Contender, Guarantees, Kind, Measure, Operation } from '../contender.js'
import { median, type Spread, spreadOf } from './medians.js'
import type { CpuOfRequest, Sample } from './sample.js'

/** One row of a table: the medians of all starts. */
export interface Row {
  operation: Operation
  contender: string
  kind: Kind
  name: string
  guarantees?: Guarantees
  starts: number
  /** Answered requests a second; the spread is that of the starts. */
  rate: Spread
  /** Milliseconds in the closed loop. */
  p50: number
  p99: number
  p999: number
  cpu?: CpuOfRequest
  open?: { rate: number; p50: number; p99: number; p999: number }
}

/** What a process needs before and during the load. */
export interface Footprint {
  contender: string
  kind: Kind
  readyAfterMs: Spread
  restMb: Spread
  loadMb: Spread
}

export interface Results {
  rows: Row[]
  footprints: Footprint[]
  /** What could not be measured, and why. */
  failures: string[]
}

/** Collects the samples of all starts and rounds. */
export class Collector {
  readonly #rows = new Map<string, { contender: Contender; measure: Measure; starts: Map<number, Sample[]> }>()
  readonly #processes = new Map<string, { kind: Kind; ready: number[]; rest: number[]; load: number[] }>()

  addStart({ name, kind, readyAfterMs, restMb }: Contender): void {
    const found = this.#processes.get(name) ?? { kind, ready: [], rest: [], load: [] }
    if (readyAfterMs !== undefined) found.ready.push(readyAfterMs)
    if (restMb !== undefined) found.rest.push(restMb)
    this.#processes.set(name, found)
  }

  add(start: number, contender: Contender, measure: Measure, sample: Sample): void {
    const key = [measure.operation, contender.name, measure.name].join('\n')
    const row = this.#rows.get(key) ?? { contender, measure, starts: new Map() }
    row.starts.set(start, [...(row.starts.get(start) ?? []), sample])
    this.#rows.set(key, row)
    if (sample.memoryMb !== undefined) this.#processes.get(contender.name)?.load.push(sample.memoryMb)
  }

  results(): Omit<Results, 'failures'> {
    const rows = [...this.#rows.values()].map(({ contender, measure, starts }) => rowOf(contender, measure, starts))
    const footprints = [...this.#processes]
      .filter(([, { rest }]) => rest.length > 0)
      .map(([contender, { kind, ready, rest, load }]) => ({
        contender,
        kind,
        readyAfterMs: spreadOf(ready),
        restMb: spreadOf(rest),
        loadMb: spreadOf(load.length > 0 ? load : rest),
      }))
    return { rows, footprints }
  }
}

function rowOf(contender: Contender, measure: Measure, starts: Map<number, Sample[]>): Row {
  const each = [...starts.values()]
  const all = each.flat()
  const of = (value: (sample: Sample) => number) => median(all.map(value))
  const { cpu, open } = all[0]!
  const cpuOf = (name: keyof CpuOfRequest) => of(sample => sample.cpu?.[name] ?? 0)
  return {
    operation: measure.operation,
    contender: contender.name,
    kind: measure.kind ?? contender.kind,
    name: measure.name,
    ...(contender.guarantees && { guarantees: contender.guarantees }),
    starts: each.length,
    rate: spreadOf(each.map(samples => median(samples.map(({ rate }) => rate)))),
    p50: of(({ latency }) => latency.p50),
    p99: of(({ latency }) => latency.p99),
    p999: of(({ latency }) => latency.p999),
    ...(cpu && {
      cpu: {
        server: cpuOf('server'),
        postgres: cpuOf('postgres'),
        redis: cpuOf('redis'),
        generator: cpuOf('generator'),
      },
    }),
    ...(open && {
      open: {
        rate: of(sample => sample.open!.rate),
        p50: of(sample => sample.open!.latency.p50),
        p99: of(sample => sample.open!.latency.p99),
        p999: of(sample => sample.open!.latency.p999),
      },
    }),
  }
}
