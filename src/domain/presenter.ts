import { LatchkeyError } from '../lib/errors.js'
import { SIMPLE_JWT_CLIENT_ID } from './access-token.js'
import { FIRST_PARTY_CLIENT_ID } from './sessions/open-session.js'

/** Who presents a refresh token: the sessions of these `client_id`s are theirs to refresh, and no others (RFC 6749, 6). */
export interface Presenter {
  clientIds: readonly string[]
  /** What they are told of a session that is not. */
  refusal: 'client_required' | 'invalid_grant'
}

/** Somebody who shows no client's secret: the sessions that people open for themselves. */
export const ANYBODY: Presenter = {
  clientIds: [FIRST_PARTY_CLIENT_ID, SIMPLE_JWT_CLIENT_ID],
  refusal: 'client_required',
}

/** Whether people opened a session for themselves. */
export function isFirstParty({ clientId }: { clientId: string }): boolean {
  return ANYBODY.clientIds.includes(clientId)
}

/** A client that showed its secret: the sessions that it opened. */
export function presenterOf(client: { id: string }): Presenter {
  return { clientIds: [client.id], refusal: 'invalid_grant' }
}

/**
 * Asks whose a session is before anything else is asked about it: nothing follows from a token in foreign hands, be it
 * old or its session over, so that nobody can end a session by it, or learn what became of one.
 *
 * @throws LatchkeyError client_required, invalid_grant
 */
export function refuseForeign(presenter: Presenter, session: { clientId: string } | undefined): void {
  if (session && !presenter.clientIds.includes(session.clientId)) throw new LatchkeyError(presenter.refusal)
}
