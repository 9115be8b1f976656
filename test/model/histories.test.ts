import fc from 'fast-check'
import t from 'tap'
import { register } from './history.js'
import { checkEnd } from './invariants.js'
import { Model } from './model.js'
import { Service } from './service.js'
import { anyStep } from './steps.js'

/** `npm run test:model -- --test-arg=--full`; `SEED=…` repeats a run. */
const isFull = process.argv.includes('--full')
const seed = Number(process.env.SEED ?? Date.now() % 0x7fff_ffff)
/** Each set starts new instances, so that the years that pass in it do not add up. */
const sets = isFull ? 20 : 1
const historiesPerSet = Number(process.env.HISTORIES ?? (isFull ? 500 : 60))

for (let set = 0; set < sets; set++) {
  t.test(`the model predicts every answer of two instances in random histories (SEED=${seed + set})`, async t => {
    const service = await Service.start(t)
    const start = performance.now()
    let [histories, steps] = [0, 0]
    const property = fc.asyncProperty(fc.commands([anyStep()], { maxCommands: 30, size: 'max' }), async commands => {
      const model = new Model()
      // So that nothing in the previous history is recent enough to matter.
      await service.advance(10)
      await register({ model, service }, 0)
      await fc.asyncModelRun(() => ({ model, real: service }), commands)
      await checkEnd({ model, service })
      histories += 1
      steps += [...commands].length
    })
    await fc.assert(property, { seed: seed + set, numRuns: historiesPerSet, interruptAfterTimeLimit: timeLimitMs() })
    t.ok(histories > 0)
    const seconds = (performance.now() - start) / 1000
    t.comment(`${histories} histories of ${steps} steps in ${seconds.toFixed(0)} s; seed ${seed + set}`)
    const tally = [...service.tally].sort(([, a], [, b]) => b - a).map(([says, times]) => `${says} ${times}`)
    t.comment(`answers: ${tally.join(', ')}`)
  })
}

/** Then a slow machine runs fewer histories instead of failing. */
function timeLimitMs(): number {
  return isFull ? 60 * 60_000 : 60_000
}
