import { AuthError } from './auth-error.js'
import { elapsedSince, type Instant } from './instant.js'
import type { User } from './types.js'

/** An access token, and when it was asked for: it was issued later. */
export interface Grant {
  token: string
  lifetimeMs: number
  sessionId: string
  user: User
  askedAt: Instant
}

/** The answer of the service to a sign-in or a refresh. */
export interface TokenAnswer {
  access_token: string
  expires_in: number
  refresh_token?: string
  session_id: string
  user: User
}

/** @throws AuthError if it is not the answer of a service like Latchkey */
export function grantOf(answer: TokenAnswer | undefined | null, askedAt: Instant): Grant {
  const { access_token, expires_in, session_id, user } = answer ?? ({} as TokenAnswer)
  if (!access_token || !user || !(expires_in > 0)) throw new AuthError(502)
  return { token: access_token, lifetimeMs: expires_in * 1000, sessionId: session_id, user, askedAt }
}

/** How long the token can still be sent. A request needs some time to arrive. */
export function usableMs({ lifetimeMs, askedAt }: Grant): number {
  return lifetimeMs * 0.9 - elapsedSince(askedAt)
}
