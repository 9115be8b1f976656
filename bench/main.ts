import { parseArgs } from 'node:util'
import { startCeilings } from './ceilings/start.js'
import { type Contender, OPERATIONS, type Operation } from './contender.js'
import { startLoadGenerator } from './load/drive.js'
import { type Form, FULL, SHORT } from './measure/form.js'
import { run } from './measure/run.js'
import { findPeers } from './peers/start.js'
import { markdown } from './report/markdown.js'
import { reportOf, writeReport } from './report/report.js'
import { startLatchkey, startLatchkeyWithRevocations } from './service/contender.js'
import { buildService } from './service/start.js'
import { startStores } from './stores/start.js'

// `npm run bench`: Latchkey beside what the machine can do and beside what else people choose, in one run. docs/bench.md
// says how to read the report.

const { values: options } = parseArgs({
  options: {
    full: { type: 'boolean', default: false },
    only: { type: 'string' },
    starts: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    'without-peers': { type: 'boolean', default: false },
    'closed-only': { type: 'boolean', default: false },
    output: { type: 'string', default: 'bench/results' },
  },
})
const form = formOf()
const operations = operationsOf(options.only)
const begunAt = performance.now()
const progress = (line: string) =>
  console.error(`${((performance.now() - begunAt) / 1000).toFixed(0).padStart(4)} s  ${line}`)

progress('building the service')
await buildService()
const peers = options['without-peers'] ? undefined : await findPeers()
for (const line of peers?.skipped ?? []) progress(`not measured: ${line}`)
const stores = await startStores()
const generator = await startLoadGenerator()
try {
  const results = await run({ stores, generator, form, operations, start, progress })
  const report = reportOf(results, form, stores, peers?.skipped ?? [])
  await writeReport(report, options.output)
  console.log(markdown(report))
  if (results.failures.length > 0) process.exitCode = 1
  progress(`the report is in ${options.output}/results.md, .json and .svg, and in glance.svg`)
} finally {
  generator.stop()
  await stores.stop()
}

async function start(): Promise<Contender[]> {
  progress('starting all systems')
  const latchkey = await startLatchkey(stores, generator)
  const started: Contender[] = [await startCeilings(stores, latchkey.service.env.DATABASE_URL!), latchkey]
  if (operations.includes('verify')) started.push(await startLatchkeyWithRevocations(stores, generator, 100_000))
  if (options.full) started.push(await footprintWith(1_000_000))
  if (peers) started.push(...(await peers.start(stores, operations)))
  return started
}

/** How soon an instance with so many revocations is ready, and what memory it takes. It ends before the load begins. */
async function footprintWith(revocations: number): Promise<Contender> {
  const instance = await startLatchkeyWithRevocations(stores, generator, revocations)
  await instance.stop()
  return { ...instance, measures: [], stop: async () => {} }
}

function formOf(): Form {
  const form = options.full ? FULL : SHORT
  return {
    ...form,
    starts: Number(options.starts ?? form.starts),
    rounds: Number(options.rounds ?? form.rounds),
    seconds: Number(options.seconds ?? form.seconds),
    openLoop: !options['closed-only'],
  }
}

function operationsOf(only: string | undefined): Operation[] {
  const all = Object.keys(OPERATIONS) as Operation[]
  if (only === undefined) return all
  const named = only.split(',')
  const unknown = named.filter(name => !all.includes(name as Operation))
  if (unknown.length > 0) throw new Error(`There is no operation ${unknown.join(', ')}; there are ${all.join(', ')}.`)
  return all.filter(name => named.includes(name))
}
