import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { SealKey } from './secrets.js'

// version (1) ‖ key id (1) ‖ iv (12) ‖ ciphertext ‖ tag (16)
const VERSION = 1
const HEADER_BYTES = 2
const IV_BYTES = 12
const TAG_BYTES = 16

/**
 * Seals a private key with AES-256-GCM.
 *
 * @param kid bound to the seal, so that a sealed key moved to another row does not open
 */
export function seal(plain: string, sealKey: SealKey, kid: string): Buffer {
  const header = Buffer.of(VERSION, sealKey.id)
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', sealKey.key, iv, { authTagLength: TAG_BYTES })
  cipher.setAAD(Buffer.concat([header, Buffer.from(kid)]))
  return Buffer.concat([header, iv, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()])
}

/** What {@link seal} sealed, and the key that it was sealed with. */
export interface Unsealed {
  plain: string
  sealedWith: SealKey
}

/**
 * Opens what {@link seal} sealed.
 *
 * @throws Error, written for the operator, if none of the keys opens it
 */
export function unseal(sealed: Buffer, sealKeys: readonly SealKey[], kid: string): Unsealed {
  const unsealed = tryUnseal(sealed, sealKeys, kid)
  if (unsealed !== undefined) return unsealed
  throw new Error(
    `Signing key ${kid} was sealed with a JWT_SECRET that is not among the configured ones; ` +
      'add the old one as the second value (JWT_SECRET=new,old), ' +
      'or if it is lost make a new key with `latchkey keys rotate --immediately`',
  )
}

/** Opens what {@link seal} sealed; undefined if none of the keys opens it. */
export function tryUnseal(sealed: Buffer, sealKeys: readonly SealKey[], kid: string): Unsealed | undefined {
  for (const sealKey of sealKeys) {
    const plain = open(sealed, sealKey, kid)
    if (plain !== undefined) return { plain, sealedWith: sealKey }
  }
  return undefined
}

function open(sealed: Buffer, sealKey: SealKey, kid: string): string | undefined {
  if (sealed.length <= HEADER_BYTES + IV_BYTES + TAG_BYTES) return undefined
  if (sealed[0] !== VERSION || sealed[1] !== sealKey.id) return undefined
  const iv = sealed.subarray(HEADER_BYTES, HEADER_BYTES + IV_BYTES)
  const decipher = createDecipheriv('aes-256-gcm', sealKey.key, iv, { authTagLength: TAG_BYTES })
  decipher.setAAD(Buffer.concat([sealed.subarray(0, HEADER_BYTES), Buffer.from(kid)]))
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
  const ciphertext = sealed.subarray(HEADER_BYTES + IV_BYTES, -TAG_BYTES)
  try {
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8')
  } catch {
    // The tag is wrong: another secret with the same id, another kid, or damage.
    return undefined
  }
}
