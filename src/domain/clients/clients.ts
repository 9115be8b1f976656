import type { AssertionTrust } from '../../lib/assertion-trust.js'
import { fieldError, LatchkeyError } from '../../lib/errors.js'
import { isUuid, newId } from '../../lib/ids.js'
import type { KnownClient } from '../../postgres/clients.js'
import type { AuthContext, Repositories } from '../context.js'
import { dropDeliveries } from '../deliveries/drop-deliveries.js'
import { endSessionsOfClient } from '../sessions/end-many-sessions.js'
import { waysOf } from './change-client.js'
import { hashOfClientSecret, isClientSecret, newClientSecret } from './client-secret.js'
import { type GivenAssertion, readAssertionTrust } from './register-assertion.js'

export interface NewClientAccount {
  name: string
  scopes: readonly string[]
  /** How it authenticates without a secret. */
  assertion?: GivenAssertion | undefined
  /** Whether it gets a secret; by default only without an assertion. */
  withSecret?: boolean | undefined
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/

/**
 * Creates a client: the credentials of another service.
 *
 * @param actor who creates it, for the event
 * @returns its client_id, and its secret if it has one, which is not stored and cannot be shown again
 * @throws LatchkeyError invalid_client_name, invalid_scope, invalid_client_assertion, client_name_taken
 */
export async function createClient(
  { db }: Pick<AuthContext, 'db'>,
  { name, scopes, assertion: given, withSecret = given === undefined }: NewClientAccount,
  actor: string,
): Promise<CreatedClient> {
  if (!NAME.test(name))
    throw fieldError('invalid_client_name', 'name', 'must be 1 to 64 letters, digits or the characters _ . -', {
      detail: 'Use up to 64 letters, digits and the characters _ . -',
    })
  checkScopes(scopes)
  if (!withSecret && given === undefined) throw new LatchkeyError('client_without_credentials')
  const assertion = given && (await readAssertionTrust(given))
  const secret = newClientSecret()
  const client = {
    id: newId(),
    name,
    scopes: [...new Set(scopes)],
    secretHash: hashOfClientSecret(secret),
    hasSecret: withSecret,
    assertion: assertion ?? null,
  }
  await db.transaction(async repositories => {
    if (!(await repositories.clients.insert(client)))
      throw fieldError('client_name_taken', 'name', 'already belongs to another client')
    const details = { client_id: client.id, name, scopes: client.scopes, ...waysOf(client) }
    await repositories.securityEvents.add({ type: 'client_created', actor, details })
  })
  return { id: client.id, secret: withSecret ? secret : undefined, assertion }
}

export interface CreatedClient {
  id: string
  secret: string | undefined
  assertion: AssertionTrust | undefined
}

export interface ClientCredentials {
  clientId: string
  secret: string
}

/**
 * Authenticates a client by its secret (RFC 6749, 2.3.1).
 *
 * @throws LatchkeyError invalid_client
 */
export async function authenticateClient(
  { db }: Pick<AuthContext, 'db'>,
  { clientId, secret }: ClientCredentials,
): Promise<KnownClient> {
  const client = isUuid(clientId) ? await db.clients.find(clientId) : undefined
  // A client without a secret has the hash of a value that nobody knows.
  if (!client || !isClientSecret(secret, client.secretHash) || !client.hasSecret)
    throw new LatchkeyError('invalid_client', { concerns: { clientId: client?.id } })
  return client
}

/**
 * Replaces the secret of a client. The old secret, and the access tokens that were issued for it, are invalid at once.
 * The sessions that the client opened for users stay live.
 *
 * @returns the secret, which cannot be shown again
 * @throws LatchkeyError client_not_found, client_has_no_secret
 */
export async function rotateClientSecret(
  { db }: Pick<AuthContext, 'db'>,
  name: string,
  actor: string,
): Promise<{ id: string; secret: string }> {
  const secret = newClientSecret()
  const id = await db.transaction(async repositories => {
    const id = await repositories.clients.replaceSecret(name, hashOfClientSecret(secret))
    if (id === undefined) throw await whyNotRotated(repositories, name)
    const details = { client_id: id, name }
    await repositories.securityEvents.add({ type: 'client_secret_rotated', actor, details })
    return id
  })
  return { id, secret }
}

async function whyNotRotated({ clients }: Pick<Repositories, 'clients'>, name: string): Promise<LatchkeyError> {
  const exists = (await clients.all()).some(client => client.name === name)
  return new LatchkeyError(exists ? 'client_has_no_secret' : 'client_not_found')
}

/**
 * Removes a client with its streams. Its secret and its access tokens are invalid at once; then the sessions that it
 * opened are revoked. The client is removed first, so that it cannot open a session in between.
 *
 * @returns how many sessions were revoked
 * @throws LatchkeyError client_not_found
 */
export async function removeClient(
  context: Pick<AuthContext, 'db' | 'revocations'>,
  name: string,
  actor: string,
): Promise<number> {
  const { id, streamIds } = await context.db.transaction(async repositories => {
    const id = await repositories.clients.remove(name)
    if (id === undefined) throw new LatchkeyError('client_not_found')
    const streamIds = await repositories.eventReceivers.removeOfClient(id)
    const details = { client_id: id, name }
    await repositories.securityEvents.add({ type: 'client_removed', actor, details })
    return { id, streamIds }
  })
  for (const streamId of streamIds) await dropDeliveries(context, streamId)
  return endSessionsOfClient(context, id, 'client_removed', actor)
}

/** Every scope that a client can have. */
export const SCOPES = ['introspect', 'revocations', 'sessions', 'signals', 'admin'] as const

export type Scope = (typeof SCOPES)[number]

/** @throws LatchkeyError invalid_scope if the list is empty or contains an unknown scope */
function checkScopes(scopes: readonly string[]): void {
  const known: readonly string[] = SCOPES
  if (scopes.length === 0 || !scopes.every(scope => known.includes(scope)))
    throw fieldError('invalid_scope', 'scopes', `must be one or more of ${SCOPES.join(', ')}`, {
      detail: `Give one or more of ${SCOPES.join(', ')}.`,
    })
}
