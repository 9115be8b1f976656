import type { TargetState } from './receipt-store.js'

/** What receipts wait for: that every live verifier has applied what a snapshot of the database sees. */
export interface Target {
  readonly serverStart: string
  readonly snapshot: string
}

/**
 * The targets that receipts wait for, oldest first. All are snapshots of one server, each taken after the one before. So
 * an older one sees nothing that a later one does not, and with a target all older ones are reached.
 */
export class Targets<T extends Target> {
  #waiting: T[] = []
  #asked: T[] = []

  /**
   * Chooses which targets to read, at most so many: the oldest and the newest, and some between them. So a read finds how
   * far all of them are, however many wait.
   */
  ask(most: number): string[] {
    const last = this.#waiting.length - 1
    const places = last < most ? [...this.#waiting.keys()] : spread(last, most)
    this.#asked = places.map(place => this.#waiting[place]!)
    return this.#asked.map(({ snapshot }) => snapshot)
  }

  /**
   * Removes the targets that are reached.
   *
   * @param states - what was read of those that were asked for, in their order
   */
  takeReached(states: readonly TargetState[]): T[] {
    const reached = this.#asked.filter((_, place) => states[place]?.isComplete).at(-1)
    return reached === undefined ? [] : this.#waiting.splice(0, this.#waiting.indexOf(reached) + 1)
  }

  /** @param target - taken after all others */
  add(target: T): void {
    this.#waiting.push(target)
  }

  /** Removes all: every one of them is reached, or they were snapshots of another server. */
  takeAll(): T[] {
    const all = this.#waiting
    this.#waiting = []
    this.#asked = []
    return all
  }

  remove(target: T): void {
    const place = this.#waiting.indexOf(target)
    if (place !== -1) this.#waiting.splice(place, 1)
  }
}

function spread(last: number, count: number): number[] {
  return Array.from({ length: count }, (_, n) => Math.round((n * last) / (count - 1)))
}
