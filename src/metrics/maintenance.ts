import { Counter, Gauge } from 'prom-client'
import { cleanUps, failedTasks } from '../lib/measurements.js'
import type { MetricsOptions } from './sources.js'

/** Work that no request waits for. */
export function measureMaintenance({ registry, onClose }: MetricsOptions): void {
  const registers = [registry]
  const lastSuccess = new Gauge({
    name: 'latchkey_clean_up_last_success_timestamp_seconds',
    help: 'When this instance last deleted expired rows, which it does every hour; before the first time, its start.',
    registers,
  })
  lastSuccess.setToCurrentTime()
  const removed = new Counter({
    name: 'latchkey_clean_up_rows_removed_total',
    help: 'Expired rows that this instance deleted, by kind.',
    labelNames: ['kind'],
    registers,
  })
  const failures = new Counter({
    name: 'latchkey_clean_up_failures_total',
    help: 'Clean-ups of this instance that failed.',
    registers,
  })
  onClose(
    cleanUps.listen(rows => {
      if (rows === undefined) return failures.inc()
      lastSuccess.setToCurrentTime()
      for (const [kind, count] of Object.entries(rows)) removed.inc({ kind }, count)
    }),
  )
  const tasks = new Counter({
    name: 'latchkey_task_failures_total',
    help: 'Failures of work that no request waits for. Each is tried again; the log has the reason.',
    labelNames: ['task'],
    registers,
  })
  onClose(failedTasks.listen(task => tasks.inc({ task })))
}
