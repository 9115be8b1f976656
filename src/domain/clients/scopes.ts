import { LatchkeyError } from '../../lib/errors.js'

/** What a client may be allowed. */
export const SCOPES = ['introspect', 'revocations', 'sessions', 'admin'] as const

export type Scope = (typeof SCOPES)[number]

/**
 * Refuses what is no list of scopes.
 *
 * @throws LatchkeyError invalid_scope
 */
export function checkScopes(scopes: readonly string[]): void {
  const known: readonly string[] = SCOPES
  if (scopes.length === 0 || !scopes.every(scope => known.includes(scope)))
    throw new LatchkeyError('invalid_scope', { detail: `Give one or more of ${SCOPES.join(', ')}.` })
}
