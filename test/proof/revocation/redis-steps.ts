import { CUT, DOWN, instance, NEW, REPLICATED, UP } from './state.js'
import type { World } from './world.js'

/** The replica gets some of the entries, and takes over with those. The connections to the former master end. */
export function redisSteps(world: World, state: Uint8Array): void {
  const { bounds, next } = world
  let pending = 0
  for (let i = 0; i < bounds.instances; i++) pending |= state[world.at(i) + instance.pending]!
  if (pending === state[REPLICATED]) return
  next.set(state)
  next[REPLICATED] = pending
  world.emit(() => 'the replica of Redis catches up')

  next.set(state)
  for (let i = 0; i < bounds.instances; i++) {
    const at = world.at(i)
    if (next[at + instance.link] === UP) cut(world, at)
    next[at + instance.pending]! &= next[REPLICATED]!
  }
  world.emit(() => 'Redis fails over and loses what the replica lacks')
}

/**
 * An instance follows the stream: it asks, reads the answer of Redis, loses the connection, notices, and reconnects.
 */
export function newsSteps(world: World, state: Uint8Array, at: number): void {
  const { next } = world
  const link = state[at + instance.link]
  const hasAnswer = state[at + instance.hasAnswer] === 1
  if (link === NEW || link === DOWN) {
    next.set(state)
    next[at + instance.link] = UP
    world.emit(() => 'an instance reaches Redis')
  }
  if (link === UP) {
    if (!hasAnswer) {
      next.set(state)
      next[at + instance.hasAnswer] = 1
      next[at + instance.answer] = next[at + instance.pending]!
      world.emit(
        () => `Redis answers an instance ${state[at + instance.pending] ? 'with news' : 'that there is no news'}`,
      )
    }
    next.set(state)
    cut(world, at)
    world.emit(() => 'the connection of an instance to Redis breaks')
  }
  if (hasAnswer) hear(world, state, at)
  if (link === CUT) {
    next.set(state)
    notice(world, at)
    world.emit(() => 'an instance notices that the connection to Redis is broken')
  }
}

/** An answer that was on its way when the connection broke may still be read. */
function hear(world: World, state: Uint8Array, at: number): void {
  const { next, guards } = world
  next.set(state)
  next[at + instance.known]! |= next[at + instance.answer]!
  next[at + instance.excused]! &= ~next[at + instance.known]!
  next[at + instance.pending]! &= ~next[at + instance.answer]!
  world.recordChannelRead(at, guards.isNewsAsOldAsAnswer ? next[at + instance.answerAge]! : 0)
  forgetAnswer(next, at)
  if (next[at + instance.link] === CUT) notice(world, at)
  world.emit(() => 'an instance reads what Redis answered')
}

/** If no answer is on its way, the break is noticed at once: nothing can happen before. */
function cut(world: World, at: number): void {
  if (world.next[at + instance.hasAnswer] === 1) world.next[at + instance.link] = CUT
  else notice(world, at)
}

/** After a break, the stream counts only once the journal was read after the next connection. */
function notice({ next, guards }: World, at: number): void {
  next[at + instance.link] = DOWN
  if (guards.isInterruptionNoticed) {
    next[at + instance.isJournalLater] = 0
    next[at + instance.isBegunLater] = 0
  }
  forgetAnswer(next, at)
}

function forgetAnswer(next: Uint8Array, at: number): void {
  for (const field of [instance.hasAnswer, instance.answer, instance.answerAge]) next[at + field] = 0
}
