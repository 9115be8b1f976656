import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Form } from '../measure/form.js'
import type { Results } from '../measure/results.js'
import type { BenchStores } from '../stores/start.js'
import { chart } from './chart.js'
import { type Machine, thisMachine } from './machine.js'
import { markdown } from './markdown.js'

export interface Report extends Results {
  machine: Machine
  form: Form
  /** The systems that are not installed here, and how to install them. */
  skipped: string[]
}

export function reportOf(results: Results, form: Form, stores: BenchStores, skipped: string[]): Report {
  return {
    machine: thisMachine(stores),
    form,
    skipped,
    ...results,
  }
}

/** Those that most users of a service cause. */
const AT_A_GLANCE = ['verify', 'refresh', 'login', 'list'] as const

/** Writes results.json, results.md, results.svg, and glance.svg with a few operations only. */
export async function writeReport(report: Report, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'results.json'), `${JSON.stringify(report, null, 2)}\n`)
  await writeFile(join(folder, 'results.md'), `${markdown(report)}\n`)
  await writeFile(join(folder, 'results.svg'), chart(report))
  await writeFile(join(folder, 'glance.svg'), chart(report, [...AT_A_GLANCE]))
}
