import { AuthError } from './requests.js'
import type { User } from './types.js'

/** An access token, and when it was asked for: it was issued later. */
export interface Grant {
  token: string
  lifetimeMs: number
  sessionId: string
  user: User
  askedAt: Instant
}

/**
 * An instant by both clocks of the machine: the monotonic one can stop while the machine sleeps, and the other one can
 * be set. The one by which more time has passed is believed.
 */
export interface Instant {
  monotonic: number
  wall: number
}

/** The answer of the service to a sign-in or a refresh. */
export interface TokenAnswer {
  access_token: string
  expires_in: number
  refresh_token?: string
  session_id: string
  user: User
  deletion_cancelled?: boolean
}

/** @throws AuthError if it is not the answer of a service like Latchkey */
export function grantOf(answer: TokenAnswer | undefined | null, askedAt: Instant): Grant {
  const { access_token: token, expires_in, session_id: sessionId, user } = answer ?? ({} as TokenAnswer)
  return checked({ token, lifetimeMs: expires_in * 1000, sessionId, user, askedAt })
}

/** @throws AuthError if something is missing */
export function checked(grant: Grant | undefined): Grant {
  if (!grant?.token || !grant.user?.id || !(grant.lifetimeMs > 0)) throw new AuthError(502)
  return grant
}

/** How long the token can still be sent. A request needs some time to arrive. */
export function usableMs({ lifetimeMs, askedAt }: Grant): number {
  return lifetimeMs * 0.9 - elapsedSince(askedAt)
}

export function now(): Instant {
  return { monotonic: performance.now(), wall: Date.now() }
}

/** Milliseconds. */
export function elapsedSince({ monotonic, wall }: Instant): number {
  return Math.max(performance.now() - monotonic, Date.now() - wall)
}
