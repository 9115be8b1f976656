import type { SlowestHash } from '../domain/import/slowest-hash.js'
import { FAILURE_DELAY_MARGIN } from '../domain/login/constant-time-failures.js'

/** The longest delay that the setting takes. */
const LONGEST_DELAY_MS = 5000

/**
 * What the slowest hash of an import means for the moment at which failed sign-ins are answered (docs/passwords.md).
 * Nothing if it is done well before that moment, or if there is no such moment.
 */
export function slowHashWarning(slowest: SlowestHash | undefined, delayMs: number): string | undefined {
  if (!slowest || delayMs === 0) return undefined
  const neededMs = FAILURE_DELAY_MARGIN * slowest.tookMs
  if (neededMs <= delayMs) return undefined
  const { name, parameters, tookMs } = slowest
  const relation = tookMs > delayMs ? 'longer than' : 'too close to'
  return (
    `The slowest password hash (${name}, ${parameters}) takes about ${rounded(tookMs)} ms here, ${relation} ` +
    `SIGN_IN_FAILURE_DELAY (${delayMs} ms): until their owners sign in once, the time of a failed sign-in may tell that ` +
    `such accounts exist. Set it to ${Math.min(LONGEST_DELAY_MS, rounded(neededMs))}ms for the service.`
  )
}

/** To a precision that a measurement has. */
function rounded(ms: number): number {
  return Math.ceil(ms / 10) * 10
}
