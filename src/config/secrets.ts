import { type Kind, Mistake } from './kind.js'

const LEAST_BYTES = 32
const MOST_SECRETS = 4

/** `new,old`: secrets of which the first makes and all verify. No message shows any part of one. */
export const secrets: Kind<readonly string[]> = {
  accepts: `1 to ${MOST_SECRETS} secrets, separated by commas, each at least ${LEAST_BYTES} bytes`,
  parse(text) {
    const list = text.split(',').map(secret => secret.trim())
    if (list.length > MOST_SECRETS) {
      throw new Mistake(`must hold at most ${MOST_SECRETS} secrets (commas separate them): remove the oldest`)
    }
    for (const [index, secret] of list.entries()) checkSecret(secret, index + 1)
    if (new Set(list).size < list.length) throw new Mistake('holds the same secret twice: remove one')
    return list
  },
}

function checkSecret(secret: string, entry: number): void {
  if (secret === '') throw new Mistake('is empty: remove the extra comma', entry)
  if (Buffer.byteLength(secret) < LEAST_BYTES) {
    throw new Mistake(`must be at least ${LEAST_BYTES} bytes: make one with "openssl rand -base64 48"`, entry)
  }
  if (new Set(secret).size === 1) {
    throw new Mistake('must not be one character repeated: make one with "openssl rand -base64 48"', entry)
  }
}
