import t from 'tap'
import { rotationModel } from './rotation/model.js'
import { CRASH, THIEF } from './rotation/models.js'
import { PLANTED_BUGS } from './rotation/planted-bugs.js'
import { search } from './search.js'

// A file of its own beside rotation.test.ts, so that both run at the same time.

t.test('the search finds a broken promise if any row or guard of the rotation table is weakened', async t => {
  for (const [name, { bounds, rules, breaks }] of Object.entries(PLANTED_BUGS)) {
    const { counterexample, states } = search(rotationModel(name, bounds, rules))
    t.match(counterexample?.violation, breaks, name)
    t.comment(`${name}: ${counterexample?.trace.length} steps, after ${states} states`)
  }
})

t.test('the promises of the rotation table do not hold outside the documented bounds', async t => {
  const shorter = { ...CRASH, times: { ...CRASH.times, minAgeSeconds: 3 } }
  for (const [what, bounds] of [
    ['two refreshes before the first of them is on disk, and a crash', shorter],
    ['a request with a token that is not on disk arrives after a crash', { ...CRASH, crashTakesRequests: false }],
    ['a second crash', { ...CRASH, crashes: 2 }],
    ['a thief and a failover', { ...THIEF, failovers: 1 }],
  ] as const)
    t.ok(search(rotationModel(what, bounds)).counterexample, what)
})
