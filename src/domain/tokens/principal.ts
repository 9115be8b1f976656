import type { TokenFacts } from '../../revocations/revocation-list.js'

/** The user and the session of a verified access token. */
export interface Principal extends TokenFacts {
  roles: readonly string[]
  clientId: string
  /** The refresh generation of the token. */
  generation: number
  /** Whole seconds since the epoch. */
  expiresAt: number
  /** The claim `token_type`, of tokens of the Simple JWT API. */
  tokenType?: 'access'
}
