import { decryptText, encryptText } from '../../lib/encrypted-text.js'
import { LatchkeyError } from '../../lib/errors.js'
import { isUuid } from '../../lib/ids.js'
import type { EventReceiver } from '../../postgres/event-receivers.js'
import type { AuthContext } from '../context.js'
import type { Secrets } from '../keys/secrets.js'

/** One of the secrets of a webhook. */
export interface WebhookSecret {
  secret: string
  /** After this it signs nothing more; milliseconds since the epoch. Missing for the newest one. */
  until?: number
}

export type WebhookKeys = Pick<Secrets, 'deliveryEncryptionKeys'>

/** The secrets as they are stored. */
export function encryptSecrets(id: string, secrets: readonly WebhookSecret[], keys: WebhookKeys): Buffer {
  return encryptText(JSON.stringify(secrets), keys.deliveryEncryptionKeys[0], id)
}

/**
 * The secrets of a webhook, the newest first.
 *
 * @throws Error with a message for the operator, if they were encrypted with a JWT_SECRET that is not configured
 */
export function decryptSecrets({ id, secrets }: EventReceiver, keys: WebhookKeys): [WebhookSecret, ...WebhookSecret[]] {
  const decrypted = decryptText(secrets, keys.deliveryEncryptionKeys, id)
  if (decrypted) return JSON.parse(decrypted.plain)
  throw new Error(
    `the secret of webhook ${id} was encrypted with a JWT_SECRET that is not configured; ` +
      'add the old secret as the second value (JWT_SECRET=new,old), ' +
      `or give the webhook a new one with \`latchkey webhooks rotate ${id}\``,
  )
}

/** The address of a webhook. */
export function urlOf({ settings }: EventReceiver): URL {
  return new URL(settings.url as string)
}

/** @throws LatchkeyError webhook_not_found */
export async function findReceiver(
  { eventReceivers }: Pick<AuthContext['db'], 'eventReceivers'>,
  id: string,
): Promise<EventReceiver> {
  const receiver = isUuid(id) ? await eventReceivers.find(id.toLowerCase()) : undefined
  if (receiver?.kind !== 'webhook') throw new LatchkeyError('webhook_not_found')
  return receiver
}
