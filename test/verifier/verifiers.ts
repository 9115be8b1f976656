import { createVerifier, type Principal, type Verifier, VerifierError, type VerifierOptions } from '@latchkey/verifier'
import type { Test } from 'tap'
import type { ToyIssuer } from './toy-issuer.js'

/** A verifier that writes nothing, and closes after the test. */
export interface TestVerifier extends Verifier {
  /** What it logged, each line with its level before it. */
  lines: string[]
}

export function startVerifier(t: Test, options: VerifierOptions): TestVerifier {
  const lines: string[] = []
  const log = {
    info: (message: string) => void lines.push(`info ${message}`),
    warn: (message: string) => void lines.push(`warn ${message}`),
    error: (message: string) => void lines.push(`error ${message}`),
  }
  const verifier = createVerifier({ log, ...options })
  t.teardown(() => verifier.close())
  return Object.assign(verifier, { lines })
}

/** Follows the feed of a toy. */
export function startFollowing(t: Test, toy: ToyIssuer, options: Partial<VerifierOptions> = {}): TestVerifier {
  return startVerifier(t, { issuer: toy.url, client: toy.client, ...options })
}

/** The code with which a token is refused, or `valid`. */
export async function verdict(verification: Promise<Principal>): Promise<string> {
  try {
    await verification
    return 'valid'
  } catch (error) {
    if (error instanceof VerifierError) return error.code
    throw error
  }
}

/** The same for a token whose signature was checked before; `unknown` for any other. */
export function knownVerdict(verifier: Verifier, token: string): string {
  try {
    return verifier.verifyKnown(token) ? 'valid' : 'unknown'
  } catch (error) {
    if (error instanceof VerifierError) return error.code
    throw error
  }
}

/** Seconds since the epoch, this many from now. */
export function inSeconds(seconds: number): number {
  return Math.ceil(Date.now() / 1000) + seconds
}
