import type { Model } from '../search.js'
import type { RotationBounds } from './bounds.js'
import { rotationModel } from './model.js'
import type { Rules } from './rules.js'

/** The most generations that a thief gains with a copy of a browser's cookies: the last one reveals the theft. */
export const MOST_GAINS = 5

/** A client that is ahead of the database after a failover rotates two generations at once: the count begins again. */
export const MOST_GAINS_WITH_A_FAILOVER = 9

/**
 * A tick is about ten seconds: what matters is which time is longer. With the default settings, a refresh within the
 * half minute in which a browser writes its cookies to disk is not covered, see docs/proof.md.
 */
const QUIET: RotationBounds = {
  inBody: false,
  times: { leewaySeconds: 1, minAgeSeconds: 2, settleSeconds: 3 },
  window: 2,
  flights: 2,
  flushTicks: 1,
  answerTicks: 1,
  crashTakesRequests: true,
  crashes: 0,
  failovers: 0,
  lagTicks: 1,
  losses: 0,
  counted: 3,
  graceTicks: 3,
  secretsChange: false,
  maxGains: null,
}

/** Tabs, requests and answers that stall, are lost or overtake each other, a failover, and a change of the secret. */
export const STALLS = { ...QUIET, failovers: 1, secretsChange: true }
/** The same without a failover, and with a crash of the browser and a loss of the data in Redis. */
export const CRASH = {
  ...QUIET,
  times: { leewaySeconds: 1, minAgeSeconds: 4, settleSeconds: 5 },
  crashes: 1,
  losses: 1,
}
/** A client that stores its token itself. */
export const BODY = { ...QUIET, inBody: true, flights: 3, counted: 3, window: 4 }
/** A thief who copies the cookie jar at any moment. */
export const THIEF = { ...QUIET, flights: 1, losses: 1, maxGains: MOST_GAINS }

/** What is searched at every run of the tests, and what `--full` searches. */
const BOUNDS: Record<'ci' | 'full', Record<string, RotationBounds>> = {
  ci: { stalls: STALLS, 'a crash': CRASH, 'without cookies': BODY, 'a thief': THIEF },
  full: {
    stalls: { ...STALLS, flights: 3, window: 3, losses: 1 },
    'a crash': { ...CRASH, flights: 3 },
    'without cookies': { ...BODY, counted: 6, failovers: 1 },
    'a thief': { ...THIEF, flights: 2 },
    'a thief, and a failover': { ...THIEF, failovers: 1, maxGains: MOST_GAINS_WITH_A_FAILOVER },
  },
}

export function rotationModels(size: 'ci' | 'full', rules?: Rules): Model[] {
  return Object.entries(BOUNDS[size]).map(([name, bounds]) => rotationModel(`rotation: ${name}`, bounds, rules))
}
