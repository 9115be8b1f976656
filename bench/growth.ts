import { parseArgs } from 'node:util'
import { markdown, reportOf, writeReport } from './growth/report.js'
import { type Grown, measureAt } from './growth/run.js'
import { startLoadGenerator } from './load/drive.js'
import type { Form } from './measure/form.js'
import { buildService } from './service/start.js'
import { startStores } from './stores/start.js'

// `npm run bench:growth`: whether the service is as fast with ten million sessions as with ten thousand, and what a session
// and a rotation cost. docs/bench.md says how to read the report.

const { values: options } = parseArgs({
  options: {
    sizes: { type: 'string', default: '10000,1000000,10000000' },
    seconds: { type: 'string', default: '10' },
    hour: { type: 'boolean', default: false },
    'shared-buffers': { type: 'string', default: '256MB' },
    jit: { type: 'boolean', default: false },
    output: { type: 'string', default: 'bench/results' },
  },
})
const sizes = options.sizes.split(',').map(Number)
if (sizes.some(size => !(size >= 10_000 && size % 2 === 0)))
  throw new Error('--sizes takes even numbers from 10000 on.')
const form: Form = {
  name: 'short',
  starts: 1,
  rounds: 1,
  warmUpSeconds: 2,
  seconds: Number(options.seconds),
  pauseMs: 1000,
  openLoop: true,
}
const begunAt = performance.now()
const progress = (line: string) =>
  console.error(`${((performance.now() - begunAt) / 1000).toFixed(0).padStart(4)} s  ${line}`)

progress('building the service')
await buildService()
// As a server that has a standby and keeps its log, and makes a checkpoint every few minutes.
const stores = await startStores({
  wal_level: 'replica',
  max_wal_size: '8GB',
  shared_buffers: options['shared-buffers'],
  jit: options.jit ? 'on' : 'off',
})
const generator = await startLoadGenerator()
try {
  const grown: Grown[] = []
  for (const sessions of sizes) {
    const longRunSeconds = options.hour ? 3600 : 60
    grown.push(await measureAt({ stores, generator, form, sessions, longRunSeconds, progress }))
    // After each size, because the next one takes longer.
    const report = reportOf(grown, stores, options['shared-buffers'])
    await writeReport(report, options.output)
    if (sessions === sizes.at(-1)) console.log(markdown(report))
  }
  progress(`the report is in ${options.output}/growth.md and .json`)
} finally {
  generator.stop()
  await stores.stop()
}
