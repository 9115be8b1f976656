// How often things happen depends on the number of followers, so that a second never brings more work than an instance
// does without effort.

/**
 * Within what time followers that lose their connections together come back. Each then causes a look-up of its client, a
 * registration and perhaps a snapshot.
 *
 * @param maxStalenessSeconds - of the follower: it must be back long before
 */
export function returnWindowMs(followers: number, maxStalenessSeconds: number): number {
  return Math.min(between(2000, followers * 5, 30_000), maxStalenessSeconds * 300)
}

/** A random moment in a window, and not at its start, for followers that wait exactly as long as they are told. */
export function randomRetryMs(windowMs: number): number {
  return windowMs * (0.25 + 0.75 * Math.random())
}

/** How often a verifier can confirm its position. Each confirmation is a request. */
export function reportEveryMs(followers: number): number {
  return between(100, followers, 5000)
}

/** How soon after a read of the journal the next one can begin. Each read with entries gives every follower an event. */
export function readGapMs(followers: number): number {
  return between(50, followers / 4, 500)
}

function between(least: number, value: number, most: number): number {
  return Math.min(Math.max(value, least), most)
}
