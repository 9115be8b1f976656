import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

/** A key that encrypts texts which are stored. */
export interface EncryptionKey {
  /** The byte in an encrypted text that names its key. It is only a hint: two keys can have the same id. */
  readonly id: number
  readonly key: Buffer
}

// version (1) ‖ key id (1) ‖ iv (12) ‖ ciphertext ‖ tag (16)
const VERSION = 1
const HEADER_BYTES = 2
const IV_BYTES = 12
const TAG_BYTES = 16

/**
 * Encrypts a text with AES-256-GCM.
 *
 * @param about the id of what the text belongs to. It is authenticated too, so that an encrypted text that was moved to
 *   another row cannot be decrypted
 */
export function encryptText(plain: string, key: EncryptionKey, about: string): Buffer {
  const header = Buffer.of(VERSION, key.id)
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key.key, iv, { authTagLength: TAG_BYTES })
  cipher.setAAD(Buffer.concat([header, Buffer.from(about)]))
  return Buffer.concat([header, iv, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()])
}

export interface DecryptedText {
  plain: string
  /** The one of the given keys that decrypted it. */
  encryptedWith: EncryptionKey
}

/** Decrypts what {@link encryptText} made; undefined if none of the keys can. */
export function decryptText(
  encrypted: Buffer,
  keys: readonly EncryptionKey[],
  about: string,
): DecryptedText | undefined {
  for (const key of keys) {
    const plain = decryptWith(encrypted, key, about)
    if (plain !== undefined) return { plain, encryptedWith: key }
  }
  return undefined
}

function decryptWith(encrypted: Buffer, key: EncryptionKey, about: string): string | undefined {
  if (encrypted.length <= HEADER_BYTES + IV_BYTES + TAG_BYTES) return undefined
  if (encrypted[0] !== VERSION || encrypted[1] !== key.id) return undefined
  const iv = encrypted.subarray(HEADER_BYTES, HEADER_BYTES + IV_BYTES)
  const decipher = createDecipheriv('aes-256-gcm', key.key, iv, { authTagLength: TAG_BYTES })
  decipher.setAAD(Buffer.concat([encrypted.subarray(0, HEADER_BYTES), Buffer.from(about)]))
  decipher.setAuthTag(encrypted.subarray(-TAG_BYTES))
  const ciphertext = encrypted.subarray(HEADER_BYTES + IV_BYTES, -TAG_BYTES)
  try {
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8')
  } catch {
    // The tag is wrong: another secret with the same id, another row, or damaged bytes.
    return undefined
  }
}
