/** A JWK Set (RFC 7517, 5) of public keys. */
export interface PublicJwkSet {
  keys: Record<string, unknown>[]
}

/** Where the public keys that verify a client's assertions come from. */
export type KeySource =
  | { jwks: PublicJwkSet }
  /** @property ca the certificates to trust for this address instead of the system's, as PEM */
  | { jwksUri: string; ca?: string }
  /** The address of the keys is read from the issuer's OpenID metadata. */
  | { issuer: string; ca?: string }

/** Assertions that the client signs itself (`private_key_jwt`): issuer and subject are the client's id. */
export interface OwnKeyTrust {
  kind: 'private_key'
  keys: KeySource
  /** The accepted audiences; undefined is our issuer. */
  audiences?: string[]
}

/** Tokens that an issuer signs for the client, such as a Kubernetes cluster for a service account. */
export interface IssuerTrust {
  kind: 'issuer'
  issuer: string
  subject: string
  keys: KeySource
  audiences?: string[]
  /** Whether each token is accepted once only. */
  oneTime: boolean
}

export type AssertionTrust = OwnKeyTrust | IssuerTrust
