import { Counter } from 'prom-client'
import type { Measurement } from '../lib/measurements.js'
import type { MetricsOptions } from './sources.js'

/** Counts the reports of a measurement, by what they say. Every value is there from the start, with 0. */
export function countEach<Value extends string>(
  { registry, onClose }: Pick<MetricsOptions, 'registry' | 'onClose'>,
  counted: { name: string; help: string; label: string; values: readonly Value[]; reports: Measurement<Value> },
): void {
  const { name, help, label, values, reports } = counted
  const counter = new Counter({ name, help, labelNames: [label], registers: [registry] })
  for (const value of values) counter.inc({ [label]: value }, 0)
  onClose(reports.listen(value => counter.inc({ [label]: value })))
}
