/**
 * An instant by both clocks of the machine: the monotonic one can stop while the machine sleeps, and the other one can
 * be set. The one by which more time has passed is believed.
 */
export interface Instant {
  monotonic: number
  wall: number
}

export function now(): Instant {
  return { monotonic: performance.now(), wall: Date.now() }
}

/** Milliseconds. */
export function elapsedSince({ monotonic, wall }: Instant): number {
  return Math.max(performance.now() - monotonic, Date.now() - wall)
}
