import { Fingerprints } from './search/fingerprints.js'
import { Layer } from './search/layer.js'
import { Numbers } from './search/numbers.js'

/** One step from a state: what happens, in words, and the state after it. */
export interface Step {
  readonly what: string | (() => string)
  readonly next: Uint8Array
}

/** What is searched: states as bytes, all of the same length, and the steps from each state to the next ones. */
export interface Model {
  readonly name: string
  /** The bounds, one per line, as they are printed. */
  readonly bounds: readonly string[]
  readonly initial: readonly Uint8Array[]
  /**
   * Calls `visit` for each next state; `violation` names the invariant that the step breaks (null: none). The bytes of
   * `next` may be reused after the call; those of `state` belong to the search, and must not be changed.
   */
  steps(state: Uint8Array, visit: (next: Uint8Array, what: () => string, violation: string | null) => void): void
  /** A line about a state, for traces. */
  describe?(state: Uint8Array): string
}

export interface SearchResult {
  /** The number of different states that were reached. */
  readonly states: number
  readonly transitions: number
  /** The number of steps to the farthest state. */
  readonly depth: number
  readonly seconds: number
  /** False: stopped at maxStates, or at the counterexample. */
  readonly exhausted: boolean
  /** A shortest counterexample, one line per step. */
  readonly counterexample: { readonly violation: string; readonly trace: readonly string[] } | null
}

export interface SearchOptions {
  readonly maxStates?: number
  readonly onProgress?: (states: number, depth: number) => void
}

const PROGRESS_EVERY = 1 << 20
const NO_PARENT = 0xffff_ffff

/**
 * Visits every reachable state of a model, nearest first, until a step breaks an invariant or no state is left. So the
 * first counterexample is a shortest one.
 *
 * It needs 25 to 36 bytes of memory per state: its fingerprint, and the number of the state that it was reached from.
 * The bytes of states are kept for two layers only; a trace is made by repeating the steps.
 */
export function search(model: Model, options: SearchOptions = {}): SearchResult {
  const { maxStates = NO_PARENT - 1, onProgress } = options
  const begunAtMs = performance.now()
  const length = model.initial[0]!.length
  const seen = new Fingerprints()
  const parents = new Numbers()
  let next = new Layer(length)
  let transitions = 0
  let depth = 0
  let broken: { parent: number; violation: string; what: string; state: Uint8Array } | undefined

  function meet(state: Uint8Array, parent: number): void {
    if (state.length !== length) throw new Error(`a state of ${state.length} bytes, where others have ${length}`)
    if (!seen.add(state)) return
    parents.push(parent)
    next.push(state)
    if (seen.size % PROGRESS_EVERY === 0) onProgress?.(seen.size, depth)
  }

  for (const state of model.initial) meet(state, NO_PARENT)
  let isOver = false
  for (let first = 0; next.size > 0 && !isOver; ) {
    const layer = next
    next = new Layer(length, layer)
    layer.drain((state, index) => {
      model.steps(state, (after, what, violation) => {
        if (broken) return
        transitions++
        if (violation === null) meet(after, first + index)
        else broken = { parent: first + index, violation, what: what(), state: after.slice() }
      })
      isOver = broken !== undefined || seen.size >= maxStates
      return !isOver
    })
    first += layer.size
    if (next.size > 0) depth++
  }

  const counterexample = broken && {
    violation: broken.violation,
    trace: [...retrace(model, seen, parents, broken.parent), line(model, broken.what, broken.state)],
  }
  return {
    states: seen.size,
    transitions,
    depth,
    seconds: (performance.now() - begunAtMs) / 1000,
    exhausted: !isOver,
    counterexample: counterexample ?? null,
  }
}

/** Repeats the steps from an initial state to the one with a number. */
function retrace(model: Model, seen: Fingerprints, parents: Numbers, last: number): string[] {
  const numbers = [last]
  for (let number = parents.at(last); number !== NO_PARENT; number = parents.at(number)) numbers.unshift(number)
  let state = model.initial.find(initial => seen.numberOf(initial) === numbers[0])!
  return numbers.slice(1).map(number => {
    let found: { what: string; state: Uint8Array } | undefined
    model.steps(state, (after, what, violation) => {
      if (!found && violation === null && seen.numberOf(after) === number)
        found = { what: what(), state: after.slice() }
    })
    if (!found) throw new Error(`${model.name}: the same state offered other steps when it was asked again`)
    state = found.state
    return line(model, found.what, state)
  })
}

function line(model: Model, what: string, state: Uint8Array): string {
  return model.describe ? `${what}  [${model.describe(state)}]` : what
}
