import { ROLES_MAX_BYTES, sizeOfRole } from '@latchkey/verifier/core'
import { isReservedClaim } from '../../lib/claim-names.js'
import { fieldError, LatchkeyError } from '../../lib/errors.js'
import { isJsonObject, problemWithObject } from '../../lib/json-object.js'

/** Claims of an application about a user, which access tokens carry below one name: JWT_CLAIMS_NAMESPACE. */
export type Claims = Record<string, unknown>

/** Together they must fit into a token beside the roles: see {@link fitBeside}. */
const MAX_BYTES = 1024
const MAX_DEPTH = 4
const NAME = /^[A-Za-z0-9_.:/-]{1,64}$/

/**
 * Checks claims as they are given.
 *
 * @returns the claims; null if there are none
 * @throws LatchkeyError invalid_claims
 */
export function readClaims(given: unknown): Claims | null {
  const problem = problemWithObject(given, { maxBytes: MAX_BYTES, maxDepth: MAX_DEPTH })
  if (problem !== undefined) throw new LatchkeyError('invalid_claims', { detail: `The value ${problem}.` })
  const claims = given as Claims
  for (const name of Object.keys(claims)) {
    if (!NAME.test(name))
      throw wrongName(name.slice(0, 64), 'must have 1 to 64 letters, digits or the characters _ . : / -')
    if (isReservedClaim(name)) throw wrongName(name, 'is a name with a meaning in tokens: choose another')
  }
  return Object.keys(claims).length === 0 ? null : claims
}

function wrongName(name: string, message: string): LatchkeyError {
  return fieldError('invalid_claims', name, message, { detail: `${JSON.stringify(name)} ${message}.` })
}

/**
 * Whether a token can carry these claims and these roles. They share the space that roles alone have, so that claims make
 * no token longer than a cookie can be.
 *
 * @param namespace the claim that contains the claims
 */
export function fitBeside(roles: readonly string[], claims: Claims | null, namespace: string): boolean {
  if (claims === null) return true
  const ofRoles = roles.reduce((sum, role) => sum + sizeOfRole(role), 0)
  return ofRoles + sizeInToken(claims, namespace) <= ROLES_MAX_BYTES
}

/** With its name, a colon and a comma. */
function sizeInToken(claims: Claims, namespace: string): number {
  return Buffer.byteLength(JSON.stringify(namespace)) + 2 + Buffer.byteLength(JSON.stringify(claims))
}

/**
 * The claims for a token; undefined if there are none. What was written into the database by hand is left out if it is no
 * object or does not fit.
 *
 * @param roles those in the token
 */
export function claimsForToken(stored: unknown, roles: readonly string[], namespace: string): Claims | undefined {
  if (!isJsonObject(stored) || problemWithObject(stored, { maxBytes: MAX_BYTES, maxDepth: MAX_DEPTH }) !== undefined)
    return undefined
  return fitBeside(roles, stored, namespace) ? stored : undefined
}

/** The names of the claims that differ between two sets, in alphabetical order. */
export function changedNames(before: Claims | null, after: Claims | null): string[] {
  const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])
  return [...names].filter(name => textOf(before?.[name]) !== textOf(after?.[name])).sort()
}

/** The same text for the same value: Postgres stores the members of an object in another order. */
function textOf(value: unknown): string | undefined {
  return JSON.stringify(value, (_name, part: unknown) =>
    isJsonObject(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  )
}
