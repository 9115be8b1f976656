import { createVerifier, type Verifier } from '@latchkey/verifier'
import type { Issuer } from './issuer.js'
import { median } from './table.js'

const TOKENS = 5000
const ROUNDS = 9
const CALLS = 200_000

/** The cost of a call for a known token; the tokens are used in no order. */
export async function measureKnownTokens(
  issuer: Issuer,
  revocations: number,
): Promise<{ name: string; microseconds: number }[]> {
  const count = revocations.toLocaleString('en')
  const known = issuer.tokens(TOKENS)
  // Each request brings its token as another string.
  const tokens = known.map(token => Buffer.from(token).toString('latin1'))
  const log = { info() {}, warn() {}, error: console.error }
  const offline = createVerifier({ issuer: issuer.url, log })
  const following = createVerifier({ issuer: issuer.url, client: issuer.client, log })
  const found = new Map<string, number[]>()
  for (const verifier of [offline, following]) {
    await verifier.ready({ timeoutMs: 60_000 })
    for (const token of known) await verifier.verify(token)
  }
  const cases: [name: string, calls: () => Promise<void>][] = [
    ['`verifyKnown`, offline', async () => callKnown(offline, tokens)],
    [`\`verifyKnown\`, with the feed and ${count} revocations`, async () => callKnown(following, tokens)],
    [`\`await verify\`, with the feed and ${count} revocations`, () => callVerify(following, tokens)],
  ]
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, calls] of cases) {
      // Timers and the feed have their turn, so that the list stays fresh.
      await new Promise(resolve => setTimeout(resolve, 20))
      const startedAt = process.cpuUsage()
      await calls()
      const { user, system } = process.cpuUsage(startedAt)
      found.set(name, [...(found.get(name) ?? []), (user + system) / CALLS])
    }
  await Promise.all([offline.close(), following.close()])
  return [...found].map(([name, values]) => ({ name, microseconds: median(values) }))
}

/** A prime, so that every token has its turn, in another order than that in which they became known. */
const STEP = 3571

function callKnown(verifier: Verifier, tokens: readonly string[]): void {
  for (let call = 0; call < CALLS; call++)
    if (!verifier.verifyKnown(tokens[(call * STEP) % TOKENS]!)) throw new Error('a token is not known')
}

async function callVerify(verifier: Verifier, tokens: readonly string[]): Promise<void> {
  for (let call = 0; call < CALLS; call++) await verifier.verify(tokens[(call * STEP) % TOKENS]!)
}
