import { readFileSync } from 'node:fs'
import type { VerifierClient } from './types.js'

/**
 * Reads the option `client` from the environment: LATCHKEY_CLIENT_ID, and one of LATCHKEY_CLIENT_SECRET,
 * LATCHKEY_CLIENT_ASSERTION_FILE (a token that something else replaces, such as a projected service-account token) and
 * LATCHKEY_CLIENT_KEY_FILE (a private key as PEM or JWK, whose kid is LATCHKEY_CLIENT_KEY_ID).
 *
 * @returns undefined if none of them is set: then the verifier is offline
 * @throws Error that names the variable that is missing, or the one that is too much
 */
export function clientFromEnvironment(env: NodeJS.ProcessEnv = process.env): VerifierClient | undefined {
  const { LATCHKEY_CLIENT_ID: id } = env
  const given = WAYS.filter(variable => env[variable])
  if (!id && given.length === 0) return undefined
  if (!id) throw new Error(`${given[0]} is set, but LATCHKEY_CLIENT_ID is not`)
  const [variable, another] = given
  if (variable === undefined) throw new Error(`LATCHKEY_CLIENT_ID is set: set one of ${WAYS.join(', ')} too`)
  if (another !== undefined) throw new Error(`${variable} and ${another} are both set: unset one of them`)
  const value = env[variable]!
  if (variable === 'LATCHKEY_CLIENT_SECRET') return { id, secret: value }
  if (variable === 'LATCHKEY_CLIENT_ASSERTION_FILE') return { id, assertionFile: value }
  const keyId = env.LATCHKEY_CLIENT_KEY_ID || undefined
  return { id, privateKey: readKeyFile(value), ...(keyId !== undefined && { keyId }) }
}

const WAYS = ['LATCHKEY_CLIENT_SECRET', 'LATCHKEY_CLIENT_ASSERTION_FILE', 'LATCHKEY_CLIENT_KEY_FILE'] as const

function readKeyFile(path: string): string | Record<string, unknown> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error(`LATCHKEY_CLIENT_KEY_FILE: ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
  if (!text.trimStart().startsWith('{')) return text
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    // The error of the parser can quote the key.
    throw new Error(`LATCHKEY_CLIENT_KEY_FILE: ${path} is neither PEM nor JSON`)
  }
}
