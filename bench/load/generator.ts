import { createHistogram } from 'node:perf_hooks'
import { Connection } from './connection.js'
import type { Measured, Plan } from './scenario.js'
import { sourceOf } from './source.js'

// The process that makes the load; drive.ts starts it. It takes one plan after the other.

export type Told = { is: 'measuring' } | { is: 'measured'; measured: Measured } | { is: 'failed'; message: string }

process.on('message', (plan: Plan) => {
  run(plan, () => tell({ is: 'measuring' })).then(
    measured => tell({ is: 'measured', measured }),
    (error: Error) => tell({ is: 'failed', message: error.message }),
  )
})
process.on('disconnect', () => process.exit())

function tell(told: Told): void {
  process.send!(told)
}

function run(plan: Plan, onMeasuring: () => void): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const source = sourceOf(plan.scenario)
    const histogram = createHistogram()
    const statuses: Record<string, number> = {}
    let requests = 0
    let inFlight = 0
    let longestQueue = 0
    let isOver = false
    const idle = Array.from({ length: plan.connections }, () => new Connection(plan.port, fail))
    const all = [...idle]
    const startsAt = performance.now()
    let measuresFrom = startsAt + plan.warmUpSeconds * 1000
    const endsAt = measuresFrom + plan.seconds * 1000
    let isMeasuring = false
    let measuredUntil = 0
    let scheduled = 0
    /** Open loop: the times of requests that have no connection yet. */
    const due: number[] = []

    if (plan.warmUpSeconds === 0) watchClock()
    const timer = setInterval(() => {
      watchClock()
      if (plan.rate !== undefined && !isOver) schedule(plan.rate)
    }, 1)
    if (plan.rate === undefined) for (let each = idle.length; each > 0; each--) sendNext()

    function watchClock(): void {
      const now = performance.now()
      if (!isMeasuring && now >= measuresFrom) {
        isMeasuring = true
        measuresFrom = now
        onMeasuring()
      }
      if (now >= endsAt) finish(now)
    }

    /** The requests of each millisecond come together, at its beginning. */
    function schedule(rate: number): void {
      const now = performance.now()
      const elapsedMs = Math.floor(now - startsAt)
      while (scheduled < (elapsedMs * rate) / 1000) {
        due.push(startsAt + Math.floor((scheduled * 1000) / rate))
        scheduled++
      }
      if (isMeasuring) longestQueue = Math.max(longestQueue, due.length)
      while (due.length > 0 && idle.length > 0 && send(due[0]!)) due.shift()
    }

    function sendNext(): void {
      if (plan.rate === undefined) {
        send(performance.now())
        if (inFlight === 0) finish(performance.now())
      } else if (due.length > 0 && send(due[0]!)) due.shift()
    }

    function send(from: number): boolean {
      const job = source.next()
      if (isOver || job === undefined) return false
      const connection = idle.pop()!
      inFlight++
      connection.send(job.request, answer => {
        const now = performance.now()
        inFlight--
        idle.push(connection)
        try {
          job.answered(answer)
        } catch (error) {
          return fail(error as Error)
        }
        if (isMeasuring && !isOver) {
          requests++
          histogram.record(Math.max(1, Math.round((now - from) * 1000)))
          statuses[answer.status] = (statuses[answer.status] ?? 0) + 1
          if (answer.status >= 400 && statuses[answer.status] === 1) process.stderr.write(`${answer.text}\n`)
        }
        if (now >= endsAt) finish(now)
        if (!isOver) sendNext()
        else if (inFlight === 0) complete()
      })
      return true
    }

    function finish(now: number): void {
      if (isOver) return
      isOver = true
      measuredUntil = now
      clearInterval(timer)
      // The answers that are still missing are awaited, so that the tokens of all chains are known.
      if (inFlight === 0) complete()
    }

    function complete(): void {
      for (const connection of all) connection.close()
      const ms = (quantile: number) => histogram.percentile(quantile) / 1000
      const latency = { p50: ms(50), p99: ms(99), p999: ms(99.9), max: histogram.max / 1000 }
      resolve({
        requests,
        seconds: (measuredUntil - measuresFrom) / 1000,
        statuses,
        latency,
        longestQueue,
        ...(source.collected && { collected: source.collected }),
        ...(source.tokens && { tokens: source.tokens }),
      })
    }

    function fail(error: Error): void {
      clearInterval(timer)
      isOver = true
      for (const connection of all) connection.close()
      reject(error)
    }
  })
}
