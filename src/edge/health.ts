import type { VerifierStatus } from '@latchkey/verifier'

export interface Health {
  readonly status: 200 | 503
  readonly body: Readonly<Record<string, unknown>>
}

/**
 * The answer to `GET /readyz`. A list that is too old makes the edge `degraded`, not unavailable: all others have the same
 * outage, and public routes work.
 */
export function readiness(isStopping: boolean, { state, lastError }: VerifierStatus): Health {
  if (isStopping) return { status: 503, body: { status: 'unavailable', reason: 'draining' } }
  if (state === 'fresh') return { status: 200, body: { status: 'ok', degraded: [] } }
  if (state === 'stale') return { status: 200, body: { status: 'degraded', degraded: [lastError ?? 'stale'] } }
  return {
    status: 503,
    body: { status: 'unavailable', reason: state, ...(lastError !== undefined && { detail: lastError }) },
  }
}

/** The answer to `GET /livez`: the process answers. */
export const ALIVE: Health = { status: 200, body: { status: 'ok' } }
