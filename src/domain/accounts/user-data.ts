import { isDeepStrictEqual } from 'node:util'
import { LatchkeyError } from '../../lib/errors.js'
import { problemWithObject } from '../../lib/json-object.js'
import { commitAndAnnounce } from '../commit-and-announce.js'
import type { AuthContext } from '../context.js'
import { findUserId } from './administer-users.js'
import { changedNames, fitBeside, readClaims } from './claims.js'

/**
 * Replaces the claims of an account. Its sessions stay live. Its access tokens with the old claims are refused as stale, so
 * that clients refresh and get the new ones. The same claims again change nothing.
 *
 * @param name the id or the e-mail of the account
 * @param given an object; an empty one removes all claims
 * @throws LatchkeyError invalid_claims, user_not_found
 */
export async function setClaims(
  context: Pick<AuthContext, 'db' | 'revocations' | 'config'>,
  name: string,
  given: unknown,
  actor: string,
): Promise<void> {
  const claims = readClaims(given)
  const id = await findUserId(context, name)
  await commitAndAnnounce(context, async repositories => {
    const user = await repositories.users.lock(id)
    if (!user) throw new LatchkeyError('user_not_found')
    const changed = changedNames(user.claims, claims)
    if (changed.length === 0) return
    if (!fitBeside(user.roles, claims, context.config.claimsNamespace))
      throw new LatchkeyError('invalid_claims', { detail: 'The claims are too long beside the roles of the user.' })
    const { rolesVersion, changedAt } = await repositories.users.setClaims(id, claims)
    const bounds = { belowRolesVersion: rolesVersion, before: changedAt }
    await repositories.journal.append([{ kind: 'user', subject: id, ...bounds, reason: 'claims_changed' }])
    // Without the values, which events are not the place for.
    await repositories.securityEvents.add({ type: 'claims_changed', userId: id, actor, details: { claims: changed } })
  })
}

const METADATA_LIMITS = { maxBytes: 16 * 1024, maxDepth: 16 }

/**
 * Checks metadata as they are given.
 *
 * @returns the metadata; null if the object is empty
 * @throws LatchkeyError invalid_metadata
 */
export function readMetadata(given: unknown): Record<string, unknown> | null {
  const problem = problemWithObject(given, METADATA_LIMITS)
  if (problem !== undefined) throw new LatchkeyError('invalid_metadata', { detail: `The value ${problem}.` })
  const metadata = given as Record<string, unknown>
  return Object.keys(metadata).length === 0 ? null : metadata
}

/**
 * Replaces the metadata of an account, which no token contains and the user does not see. The same metadata again change
 * nothing.
 *
 * @param name the id or the e-mail of the account
 * @param given an object; an empty one removes the metadata
 * @throws LatchkeyError invalid_metadata, user_not_found
 */
export async function setMetadata(
  context: Pick<AuthContext, 'db'>,
  name: string,
  given: unknown,
  actor: string,
): Promise<void> {
  const metadata = readMetadata(given)
  const id = await findUserId(context, name)
  await context.db.transaction(async repositories => {
    if (!(await repositories.users.lock(id))) throw new LatchkeyError('user_not_found')
    if (isDeepStrictEqual(await repositories.userMetadata.of(id), metadata)) return
    await repositories.userMetadata.set(id, metadata)
    await repositories.securityEvents.add({ type: 'metadata_changed', userId: id, actor })
  })
}
