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

/** The cookies among headers. */
export function setCookiesOf(headers: readonly Header[]): readonly string[] {
  return headers.filter(([name]) => name === 'set-cookie').map(([, value]) => value)
}

/** Whether a header can tell caches to keep an answer. Those for one kind of cache come before `Cache-Control`. */
export function isForCaches(name: string): boolean {
  return /(^|-)cache-control$|^surrogate-control$|^x-accel-expires$/i.test(name)
}

function expiresSoon({ issuedAt, expiresAt }: Principal, verifier: Verifier): boolean {
  return expiresAt - issuerNowSeconds(verifier) <= (expiresAt - issuedAt) / 5
}

/** The time by the clock of the issuer, which wrote the instants in the token; in seconds since the epoch. */
export function issuerNowSeconds(verifier: Verifier): number {
  const nowMs = Date.now()
  let offset = offsets.get(verifier)
  // The status is more than a request should cost.
  if (!offset || Math.abs(nowMs - offset.readAtMs) > OFFSET_TTL_MS) {
    offset = { offsetMs: verifier.status().clockOffsetMs ?? 0, readAtMs: nowMs }
    offsets.set(verifier, offset)
  }
  return (nowMs + offset.offsetMs) / 1000
}

const offsets = new WeakMap<Verifier, { offsetMs: number; readAtMs: number }>()
const OFFSET_TTL_MS = 1000
