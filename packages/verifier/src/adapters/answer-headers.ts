import type { Principal, Verifier } from '../types.js'
import type { Authentication } from './authenticate.js'

/** A header to be added, not to replace one of the same name. */
export type Header = readonly [name: string, value: string]

/**
 * The headers that the answer to a request must have because of its authentication: the cookies of a renewed token, and
 * `X-Token-Refresh-Required` for a token in the last fifth of its lifetime, so that clients need no clock.
 */
export function answerHeaders({ principal, setCookies }: Authentication, verifier: Verifier): readonly Header[] {
  const headers: Header[] = setCookies.map(value => ['set-cookie', value])
  // No cache may give these cookies to somebody else.
  if (setCookies.length > 0) headers.push(['cache-control', 'no-store'])
  if (principal && expiresSoon(principal, verifier)) headers.push(['x-token-refresh-required', 'true'])
  return headers
}

function expiresSoon({ issuedAt, expiresAt }: Principal, verifier: Verifier): boolean {
  return expiresAt - issuerNowSeconds(verifier) <= (expiresAt - issuedAt) / 5
}

/** The time by the clock of the issuer, which wrote the instants in the token; in seconds since the epoch. */
export function issuerNowSeconds(verifier: Verifier): number {
  return (Date.now() + (verifier.status().clockOffsetMs ?? 0)) / 1000
}
