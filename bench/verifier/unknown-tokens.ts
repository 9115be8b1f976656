import { type Algorithm, openVerificationKey, TokenVerifier } from '@latchkey/verifier/core'
import { createVerifier } from 'fast-jwt'
import { createLocalJWKSet, type JWK, jwtVerify } from 'jose'
import { type SigningPair, signingPair, signToken } from './issuer.js'
import { median } from './table.js'

const ALGORITHMS: readonly Algorithm[] = ['ES256', 'EdDSA', 'RS256']
const ISSUER = 'https://auth.example.com'
const ROUNDS = 9
const TOKENS = 500

/** The cost of a token that is seen for the first time: format, signature, issuer, audience and times. */
export async function measureUnknownTokens(): Promise<{ name: string; microseconds: number[] }[]> {
  const found = new Map<string, number[]>()
  for (const alg of ALGORITHMS) {
    const pair = signingPair(alg)
    const tokens = Array.from({ length: TOKENS * ROUNDS }, () => signToken(ISSUER, pair))
    const verify = { '@latchkey/verifier': ofLatchkey(pair), jose: ofJose(pair), 'fast-jwt': ofFastJwt(pair) }
    const costs = new Map<string, number[]>()
    for (let round = 0; round < ROUNDS; round++)
      for (const [name, check] of Object.entries(verify)) {
        const startedAt = process.cpuUsage()
        for (const token of tokens.slice(round * TOKENS, (round + 1) * TOKENS)) await check(token)
        // CPU time of all threads: jose checks signatures in another one.
        const { user, system } = process.cpuUsage(startedAt)
        costs.set(name, [...(costs.get(name) ?? []), (user + system) / TOKENS])
      }
    for (const [name, values] of costs) found.set(name, [...(found.get(name) ?? []), median(values)])
  }
  return [...found].map(([name, microseconds]) => ({ name, microseconds }))
}

type Check = (token: string) => unknown

function ofLatchkey({ jwk }: SigningPair): Check {
  const key = openVerificationKey(jwk)
  const verifier = new TokenVerifier({
    issuer: ISSUER,
    audience: ISSUER,
    keys: { forKid: async kid => (kid === key.kid ? key : undefined) },
    revocations: { refuses: () => undefined },
    clock: Date.now,
  })
  return async token => {
    const principal = await verifier.identify(token)
    if (!principal || verifier.judge(token, principal)) throw new Error('the token was refused')
  }
}

function ofJose({ jwk, alg }: SigningPair): Check {
  const keys = createLocalJWKSet({ keys: [jwk as JWK] })
  const options = { issuer: ISSUER, audience: ISSUER, typ: 'at+jwt', algorithms: [alg] }
  return token => jwtVerify(token, keys, options)
}

function ofFastJwt({ publicKey, alg }: SigningPair): Check {
  const key = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  return createVerifier({ key, algorithms: [alg], allowedIss: ISSUER, allowedAud: ISSUER, cache: false })
}
