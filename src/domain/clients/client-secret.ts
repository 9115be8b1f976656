import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

const PREFIX = 'lk_cs_'
const SECRET_BYTES = 32

/** A new secret of a client. The prefix lets scanners of repositories and logs tell what they have found. */
export function newClientSecret(): string {
  return PREFIX + randomBytes(SECRET_BYTES).toString('base64url')
}

/**
 * What is kept of a secret. One fast hash is enough: slow hashes are for what people think up, and nobody guesses 256
 * random bits, however fast they may try. It keeps introspection, which shows the secret each time, fast too.
 */
export function hashOfClientSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

export function isClientSecret(secret: string, hash: Buffer): boolean {
  return timingSafeEqual(hashOfClientSecret(secret), hash)
}
