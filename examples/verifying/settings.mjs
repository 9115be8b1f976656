const { LATCHKEY_ISSUER = 'http://localhost:3000', LATCHKEY_AUDIENCE, LATCHKEY_URL } = process.env

/** The `iss` of the tokens. */
export const issuer = LATCHKEY_ISSUER

/** The `aud` of the tokens: the issuer, unless Latchkey has JWT_AUDIENCE. */
export const audience = LATCHKEY_AUDIENCE ?? issuer

/** Where this service fetches the public keys: at the issuer, or at the address that Latchkey has among containers. */
export const jwksUri = `${LATCHKEY_URL ?? issuer}/.well-known/jwks.json`
