import type { AssertionTrust } from '../../lib/assertion-trust.js'
import { LatchkeyError } from '../../lib/errors.js'
import type { Client, ClientCredentialChange } from '../../postgres/clients.js'
import type { AuthContext } from '../context.js'
import { hashOfClientSecret, newClientSecret } from './client-secret.js'
import { type GivenAssertion, readAssertionTrust } from './register-assertion.js'

/** How a client shall authenticate. What is undefined stays as it is. */
export interface GivenCredentialChange {
  /** Replaces the earlier one; null removes it. */
  assertion?: GivenAssertion | null | undefined
  /** True gives the client a secret if it has none; false removes it. */
  secret?: boolean | undefined
}

/**
 * Changes how a client authenticates. Access tokens that were issued before are invalid at once. The sessions that it
 * opened for users stay live.
 *
 * @param id the client_id
 * @returns the client, and its secret if it is new
 * @throws LatchkeyError client_not_found, invalid_client_assertion, client_without_credentials
 */
export async function changeClientCredentials(
  { db }: Pick<AuthContext, 'db'>,
  id: string,
  { assertion, secret }: GivenCredentialChange,
  actor: string,
): Promise<{ client: Client; secret: string | undefined }> {
  const trust = assertion == null ? assertion : await readAssertionTrust(assertion)
  const candidate = newClientSecret()
  return db.transaction(async repositories => {
    const known = await repositories.clients.find(id)
    if (!known) throw new LatchkeyError('client_not_found')
    const isNew = secret === true && !known.hasSecret
    const change: ClientCredentialChange = {
      ...(trust !== undefined && { assertion: trust }),
      ...(secret !== undefined &&
        secret !== known.hasSecret && { hasSecret: secret, secretHash: hashOfClientSecret(candidate) }),
    }
    const client = await repositories.clients.changeCredentials(id, change)
    if (!client) throw new LatchkeyError('client_not_found')
    // The transaction is rolled back: of two changes at the same time, the second one sees the first here.
    if (!client.hasSecret && !client.assertion) throw new LatchkeyError('client_without_credentials')
    const details = { client_id: id, name: client.name, ...waysOf(client) }
    await repositories.securityEvents.add({ type: 'client_changed', actor, details })
    return { client, secret: isNew ? candidate : undefined }
  })
}

/** How a client authenticates, for events and lists. */
export function waysOf({
  hasSecret,
  assertion,
}: {
  hasSecret: boolean
  assertion?: AssertionTrust | null | undefined
}): { authentication: AuthenticationMethod[] } {
  return {
    authentication: [
      ...(hasSecret ? ['client_secret' as const] : []),
      ...(assertion ? [assertion.kind === 'issuer' ? ('issuer_token' as const) : ('private_key_jwt' as const)] : []),
    ],
  }
}

export type AuthenticationMethod = 'client_secret' | 'private_key_jwt' | 'issuer_token'
