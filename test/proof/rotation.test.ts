import t from 'tap'
import { rotationModels } from './rotation/models.js'
import { search } from './search.js'

t.test('the rotation table keeps its promises in every order of events', async t => {
  let searched = 0
  for (const model of rotationModels('ci')) {
    const { states, depth, seconds, exhausted, counterexample } = search(model)
    t.equal(counterexample, null, model.name)
    t.ok(exhausted, 'every state was visited')
    t.comment(`${model.name}: ${states} states, ${depth} deep, in ${seconds.toFixed(1)} s`)
    searched += states
  }
  t.ok(searched > 1_000_000, `${searched} states`)
})
