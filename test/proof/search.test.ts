import t from 'tap'
import { type Model, search } from './search.js'

/** A model of moves on a square, from one corner; a move to the forbidden field breaks the invariant. */
function walk(side: number, forbidden?: readonly [x: number, y: number]): Model {
  const next = new Uint8Array(2)
  return {
    name: 'a walk',
    bounds: [`${side} by ${side} fields`],
    initial: [Uint8Array.of(0, 0)],
    steps(state, visit) {
      for (const [dx, dy] of [
        [1, 0],
        [0, 1],
        [-1, 0],
        [0, -1],
      ] as const) {
        const x = state[0]! + dx
        const y = state[1]! + dy
        if (x < 0 || y < 0 || x >= side || y >= side) continue
        next.set([x, y])
        const isForbidden = forbidden !== undefined && x === forbidden[0] && y === forbidden[1]
        visit(next, () => `to ${x},${y}`, isForbidden ? 'the field is forbidden' : null)
      }
    },
  }
}

t.test('a search counts every state and every step once', async t => {
  const { states, transitions, depth, exhausted, counterexample } = search(walk(200))
  t.strictSame({ states, transitions, depth }, { states: 40_000, transitions: 4 * 200 * 199, depth: 398 })
  t.ok(exhausted)
  t.equal(counterexample, null)
})

t.test('a counterexample has the fewest steps possible', async t => {
  const { exhausted, counterexample } = search(walk(50, [3, 2]))
  t.notOk(exhausted)
  t.equal(counterexample?.violation, 'the field is forbidden')
  t.equal(counterexample?.trace.length, 5)
  t.equal(counterexample?.trace.at(-1), 'to 3,2')
})

t.test('a trace describes the state after each step, if the model has a description', async t => {
  const model = { ...walk(5, [0, 2]), describe: (state: Uint8Array) => `at ${state[0]},${state[1]}` }
  t.strictSame(search(model).counterexample?.trace, ['to 0,1  [at 0,1]', 'to 0,2  [at 0,2]'])
})

t.test('a search that stops at its maximum of states reports that it is not exhausted', async t => {
  const { states, exhausted, counterexample } = search(walk(200), { maxStates: 1000 })
  t.ok(states >= 1000 && states < 1010)
  t.notOk(exhausted)
  t.equal(counterexample, null)
})

t.test('a search distinguishes two million states of many bytes', async t => {
  const next = new Uint8Array(41)
  const count = new DataView(next.buffer)
  const model: Model = {
    name: 'a binary tree',
    bounds: [],
    initial: [new Uint8Array(41)],
    steps(state, visit) {
      const number = new DataView(state.buffer).getUint32(37, true)
      for (const child of [2 * number + 1, 2 * number + 2]) {
        if (child >= 2_000_000) continue
        count.setUint32(37, child, true)
        visit(next, () => `to ${child}`, null)
      }
    },
  }
  const { states, transitions, depth, exhausted } = search(model)
  t.strictSame({ states, transitions, depth }, { states: 2_000_000, transitions: 1_999_999, depth: 20 })
  t.ok(exhausted)
})

t.test('a search rejects a model whose states differ in length', async t => {
  const model: Model = {
    name: 'of two lengths',
    bounds: [],
    initial: [new Uint8Array(2)],
    steps: (_state, visit) => visit(new Uint8Array(3), () => 'longer', null),
  }
  t.throws(() => search(model), { message: 'a state of 3 bytes, where others have 2' })
})
