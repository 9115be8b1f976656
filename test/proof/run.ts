import { FEED_BOUNDS, feedModel } from './feed/model.js'
import { RECEIPT_BOUNDS, receiptModel } from './receipts/model.js'
import { REVOCATION_BOUNDS, revocationModel } from './revocation/model.js'
import { rotationModels } from './rotation/models.js'
import { type Model, search } from './search.js'

// `npm run test:proof` searches every model and prints what it searched; `-- --full` uses larger bounds, which takes
// twenty minutes and 4 GB of memory. If an invariant is broken, it prints the shortest steps to that state, and the exit
// code is 1.

const MOST_STATES = 100_000_000

const size = process.argv.includes('--full') ? 'full' : 'ci'
const { ci, ciJournal, ciStream, full, fullJournal } = REVOCATION_BOUNDS
const revocation = size === 'full' ? [full, fullJournal] : [ci, ciJournal, ciStream]
const models: Model[] = [
  ...rotationModels(size),
  ...revocation.map(bounds => revocationModel(bounds)),
  ...Object.values(FEED_BOUNDS[size]).map(bounds => feedModel(bounds)),
  ...Object.values(RECEIPT_BOUNDS[size]).map(bounds => receiptModel(bounds)),
]

for (const model of models) {
  print(`\n${model.name}`)
  for (const bound of model.bounds) print(`  ${bound}`)
  const { states, transitions, depth, seconds, exhausted, counterexample } = search(model, {
    maxStates: MOST_STATES,
    onProgress: (states, depth) =>
      process.stderr.write(`  ${states.toLocaleString('en')} states, ${depth} steps away\r`),
  })
  const reached = `${states.toLocaleString('en')} states, ${transitions.toLocaleString('en')} steps between them, ${depth} deep`
  print(`  ${reached}, in ${seconds.toFixed(1)} s`)
  if (counterexample) {
    print(`  BROKEN: ${counterexample.violation}`)
    for (const step of counterexample.trace) print(`    ${step}`)
    process.exitCode = 1
  } else print(exhausted ? '  every state was visited; all invariants hold' : '  stopped; all invariants hold so far')
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
