import { AUDIENCE, ISSUER, NOW } from './facts.js'
import { type FreshnessCase, freshnessCases } from './freshness.js'
import { createSigner, jwks } from './signer.js'
import { type Stream, streams } from './streams.js'
import { makeTokens, type TokenCase } from './tokens.js'

export interface FeedVectors {
  about: string
  issuer: string
  audience: string
  /** The issuer's clock when the tokens are verified, in seconds. */
  now: number
  jwks: object
  streams: Stream[]
  tokens: TokenCase[]
}

export interface FreshnessVectors {
  about: string
  cases: FreshnessCase[]
}

export interface Vectors {
  'feed.json': FeedVectors
  'freshness.json': FreshnessVectors
}

/** @param earlier - tokens whose signatures can be used again */
export function makeVectors(earlier: readonly string[]): Vectors {
  const about = 'docs/feed.md describes this file.'
  return {
    'feed.json': {
      about,
      issuer: ISSUER,
      audience: AUDIENCE,
      now: NOW,
      jwks,
      streams,
      tokens: makeTokens(createSigner(earlier)),
    },
    'freshness.json': { about, cases: freshnessCases },
  }
}
