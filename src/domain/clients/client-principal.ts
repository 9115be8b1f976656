/** The client of a verified request. */
export interface ClientPrincipal {
  clientId: string
  scopes: readonly string[]
  jti: string
  kid: string
  tokenVersion: number
  issuedAt: number
  /** Whole seconds since the epoch, as is `issuedAt`. */
  expiresAt: number
}
