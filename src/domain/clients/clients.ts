import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { LatchkeyError } from '../../lib/errors.js'
import { isUuid, newId } from '../../lib/ids.js'
import type { KnownClient } from '../../postgres/clients.js'
import type { AuthContext } from '../context.js'
import { endSessionsOfClient } from '../sessions/end-many-sessions.js'

export interface NewClientAccount {
  name: string
  scopes: readonly string[]
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/

/**
 * Gives another service credentials of its own.
 *
 * @param actor who does it, for the event
 * @returns its client_id, and its secret, which is not kept anywhere and can't be shown again
 * @throws LatchkeyError invalid_client_name, invalid_scope, client_name_taken
 */
export async function createClient(
  { db }: Pick<AuthContext, 'db'>,
  { name, scopes }: NewClientAccount,
  actor: string,
): Promise<{ id: string; secret: string }> {
  if (!NAME.test(name))
    throw new LatchkeyError('invalid_client_name', { detail: 'Use up to 64 letters, digits and the characters _ . -' })
  checkScopes(scopes)
  const secret = newClientSecret()
  const client = { id: newId(), name, scopes: [...new Set(scopes)], secretHash: hashOfClientSecret(secret) }
  await db.transaction(async repositories => {
    if (!(await repositories.clients.insert(client))) throw new LatchkeyError('client_name_taken')
    const details = { client_id: client.id, name, scopes: client.scopes }
    await repositories.securityEvents.add({ type: 'client_created', actor, details })
  })
  return { id: client.id, secret }
}

export interface ClientCredentials {
  clientId: string
  secret: string
}

/**
 * The client that shows its secret (RFC 6749, 2.3.1).
 *
 * @throws LatchkeyError invalid_client
 */
export async function authenticateClient(
  { db }: Pick<AuthContext, 'db'>,
  { clientId, secret }: ClientCredentials,
): Promise<KnownClient> {
  const client = isUuid(clientId) ? await db.clients.find(clientId) : undefined
  if (!client || !isClientSecret(secret, client.secretHash)) throw new LatchkeyError('invalid_client')
  return client
}

/**
 * Gives a client a new secret. The old one, and the access tokens that it was given for it, end at once; the sessions
 * that it opened for people live on.
 *
 * @param name what its operators call it
 * @returns the secret, which can't be shown again
 * @throws LatchkeyError client_not_found
 */
export async function rotateClientSecret(
  { db }: Pick<AuthContext, 'db'>,
  name: string,
  actor: string,
): Promise<{ id: string; secret: string }> {
  const secret = newClientSecret()
  const id = await db.transaction(async repositories => {
    const id = await repositories.clients.replaceSecret(name, hashOfClientSecret(secret))
    if (id === undefined) throw new LatchkeyError('client_not_found')
    const details = { client_id: id, name }
    await repositories.securityEvents.add({ type: 'client_secret_rotated', actor, details })
    return id
  })
  return { id, secret }
}

/**
 * Removes a client: its secret and its access tokens end at once, and the sessions that it opened after them. First the
 * client and then its sessions, so that none is opened in between.
 *
 * @param name what its operators call it
 * @returns how many sessions have ended
 * @throws LatchkeyError client_not_found
 */
export async function removeClient(
  context: Pick<AuthContext, 'db' | 'revocations'>,
  name: string,
  actor: string,
): Promise<number> {
  const id = await context.db.transaction(async repositories => {
    const id = await repositories.clients.remove(name)
    if (id === undefined) throw new LatchkeyError('client_not_found')
    const details = { client_id: id, name }
    await repositories.securityEvents.add({ type: 'client_removed', actor, details })
    return id
  })
  return endSessionsOfClient(context, id, 'client_removed', actor)
}

const PREFIX = 'lk_cs_'
const SECRET_BYTES = 32

/** A new secret of a client. The prefix lets scanners of repositories and logs tell what they have found. */
function newClientSecret(): string {
  return PREFIX + randomBytes(SECRET_BYTES).toString('base64url')
}

/**
 * What is kept of a secret. One fast hash is enough: slow hashes are for what people think up, and nobody guesses 256
 * random bits, however fast they may try. It keeps introspection, which shows the secret each time, fast too.
 */
function hashOfClientSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

function isClientSecret(secret: string, hash: Buffer): boolean {
  return timingSafeEqual(hashOfClientSecret(secret), hash)
}

/** What a client may be allowed. */
export const SCOPES = ['introspect', 'revocations', 'sessions', 'admin'] as const

export type Scope = (typeof SCOPES)[number]

/**
 * Refuses what is no list of scopes.
 *
 * @throws LatchkeyError invalid_scope
 */
function checkScopes(scopes: readonly string[]): void {
  const known: readonly string[] = SCOPES
  if (scopes.length === 0 || !scopes.every(scope => known.includes(scope)))
    throw new LatchkeyError('invalid_scope', { detail: `Give one or more of ${SCOPES.join(', ')}.` })
}
