import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

const PREFIX = 'lk_cs_'
const SECRET_BYTES = 32

/** A new secret. The prefix lets programs that search repositories and logs for secrets recognise it. */
export function newClientSecret(): string {
  return PREFIX + randomBytes(SECRET_BYTES).toString('base64url')
}

/**
 * What is stored of a secret. A fast hash is enough: slow hashes are for passwords that people choose, and 256 random
 * bits cannot be guessed at any speed. It also keeps introspection fast, which sends the secret each time.
 */
export function hashOfClientSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

export function isClientSecret(secret: string, hash: Buffer): boolean {
  return timingSafeEqual(hashOfClientSecret(secret), hash)
}
