import { type Contender, type Measure, OPERATIONS, type Operation } from '../contender.js'
import { type Bench, measureOnce } from './once.js'
import { Collector, type Results } from './results.js'

export interface Run extends Bench {
  operations: readonly Operation[]
  /** Starts every system anew, each with empty tables. */
  start(): Promise<Contender[]>
  progress(line: string): void
}

/**
 * Starts all systems several times, and measures their operations in turn: A, B, C, A, B, C. So what else the machine does,
 * and what a start decides for the whole life of a process, does not count for one system alone.
 */
export async function run(bench: Run): Promise<Results> {
  const { form, operations, progress } = bench
  const collector = new Collector()
  const failures = new Set<string>()
  for (let start = 1; start <= form.starts; start++) {
    const contenders = await bench.start()
    try {
      for (const contender of contenders) collector.addStart(contender)
      for (let round = 1; round <= form.rounds; round++)
        for (const operation of operations) {
          const rows = measuresOf(contenders, operation)
          // Every other time in reverse, so that no system is always the one after the same other.
          if ((start + round) % 2 === 1) rows.reverse()
          for (const { contender, measure } of rows) {
            const name = `${OPERATIONS[operation]}: ${contender.name}, ${measure.name}`
            const where = `${start}/${form.starts} ${round}/${form.rounds} ${name}`
            try {
              const sample = await measureOnce(bench, contender, measure)
              collector.add(start, contender, measure, sample)
              progress(`${where}: ${Math.round(sample.rate).toLocaleString('en')}/s`)
            } catch (error) {
              // A long run goes on without this one; the report says so.
              failures.add(`${name}: ${(error as Error).message}`)
              progress(`${where}: ${(error as Error).stack}`)
            }
          }
        }
    } finally {
      for (const contender of contenders) await contender.stop()
    }
  }
  return { ...collector.results(), failures: [...failures] }
}

function measuresOf(
  contenders: readonly Contender[],
  operation: Operation,
): { contender: Contender; measure: Measure }[] {
  return contenders.flatMap(contender =>
    contender.measures.filter(measure => measure.operation === operation).map(measure => ({ contender, measure })),
  )
}
