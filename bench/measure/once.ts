import { setTimeout as sleep } from 'node:timers/promises'
import { type Contender, connectionsFor, type HttpMeasure, type Measure } from '../contender.js'
import type { LoadGenerator } from '../load/drive.js'
import type { Measured, Plan } from '../load/scenario.js'
import type { BenchStores } from '../stores/start.js'
import type { Form } from './form.js'
import { cpuSeconds, memoryMegabytes } from './processes.js'
import type { CpuOfRequest, Sample } from './sample.js'

/** What a system can do steadily is less than what it can do at most; at half of that, queues are short. */
const OPEN_LOOP_PART = 0.5
/** How many more connections the open loop has, so that requests rarely wait for one. */
const OPEN_LOOP_CONNECTIONS = 2

/** Everything that a measurement needs. */
export interface Bench {
  stores: BenchStores
  generator: LoadGenerator
  form: Form
}

/**
 * Measures one operation of one system once: in a closed loop, and then in an open loop.
 *
 * @param openRate requests a second in the open loop; by default half of those of the closed loop
 */
export async function measureOnce(
  bench: Bench,
  contender: Contender,
  { operation, measure }: Measure,
  openRate?: number,
): Promise<Sample> {
  const { form } = bench
  // What the measurement before has left to do, such as the autovacuum.
  await sleep(form.pauseMs)
  if ('run' in measure) return measure.run(form.seconds)
  const connections = connectionsFor(operation)
  const closed = await measureHttp(bench, contender, measure, connections)
  if (!form.openLoop) return closed
  const rate = openRate ?? closed.rate * OPEN_LOOP_PART
  const { latency } = await measureHttp(bench, contender, measure, connections * OPEN_LOOP_CONNECTIONS, rate)
  return { ...closed, open: { rate, latency } }
}

async function measureHttp(
  { stores, generator, form }: Bench,
  { port, pid }: Contender,
  { scenario, onTokens, atMost = 0 }: HttpMeasure,
  connections: number,
  rate?: number,
): Promise<Sample> {
  const { warmUpSeconds, seconds } = form
  const plan: Plan = {
    port: port!,
    connections,
    warmUpSeconds,
    seconds,
    ...(rate !== undefined && { rate }),
    scenario: await scenario(Math.ceil((warmUpSeconds + seconds) * (rate ?? atMost))),
  }
  const used = () => [pid!, stores.postgres.pid, stores.redis.pid, generator.pid].map(cpuSeconds)
  let before = used()
  const measured = await generator.drive(plan, () => {
    before = used()
  })
  const after = used()
  if (measured.tokens) onTokens?.(measured.tokens)
  refuseFailures(measured)
  const [server, postgres, redis, load] = after.map((value, at) => ((value - before[at]!) * 1e6) / measured.requests)
  return {
    rate: measured.requests / measured.seconds,
    latency: measured.latency,
    cpu: { server, postgres, redis, generator: load } as CpuOfRequest,
    memoryMb: memoryMegabytes(pid!),
  }
}

/** A refusal is cheaper than an answer, so it must not count. */
function refuseFailures({ requests, seconds, statuses }: Measured): void {
  const failed = Object.keys(statuses).filter(status => Number(status) >= 300)
  if (failed.length > 0) throw new Error(`not all requests were accepted: ${JSON.stringify(statuses)}`)
  if (requests === 0 || seconds <= 0) throw new Error('no request was answered after the warm-up')
}
