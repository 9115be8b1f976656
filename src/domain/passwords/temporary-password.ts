import { randomBytes } from 'node:crypto'

/** A password that somebody is told, and must change at the first sign-in: 120 random bits. */
export function newTemporaryPassword(): string {
  return randomBytes(15).toString('base64url')
}
