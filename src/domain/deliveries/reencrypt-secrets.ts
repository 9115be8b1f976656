import { decryptText, encryptText } from '../../lib/encrypted-text.js'
import type { Database } from '../../postgres/database.js'
import type { Secrets } from '../keys/secrets.js'

/**
 * Encrypts the secrets of the receivers of events again with the newest JWT_SECRET, so that an older one can be removed.
 * Several instances can call it at once. Secrets that no configured JWT_SECRET decrypts are not changed: the attempts to
 * send to this receiver say so.
 */
export async function reencryptReceiverSecrets(
  { eventReceivers }: Pick<Database, 'eventReceivers'>,
  { deliveryEncryptionKeys }: Pick<Secrets, 'deliveryEncryptionKeys'>,
): Promise<void> {
  const [newest, ...older] = deliveryEncryptionKeys
  if (older.length === 0) return
  for (const { id, secrets } of await eventReceivers.allSecrets()) {
    const decrypted = decryptText(secrets, deliveryEncryptionKeys, id)
    if (decrypted === undefined || decrypted.encryptedWith === newest) continue
    await eventReceivers.replaceSecrets(id, secrets, encryptText(decrypted.plain, newest, id))
  }
}
