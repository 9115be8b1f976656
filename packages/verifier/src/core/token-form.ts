/** The `typ` in the header of an access token (RFC 9068, 2.1): no other kind of JWT is accepted as one. */
export const ACCESS_TOKEN_TYPE = 'at+jwt'

/** The header of a well-formed access token. */
export interface AccessTokenHeader {
  alg: string
  kid: string
}

const MAX_LENGTH = 4096
const CANONICAL = /^[A-Za-z0-9_-]+$/
/** The only members of a header. Any other (`jku`, `x5u`, `jwk`, `crit`, `b64` …) can only come from an attacker. */
const HEADER_MEMBERS = new Set(['alg', 'kid', 'typ'])

/**
 * Checks the form of an access token before anything else reads it: three parts of canonical base64url, and a header of
 * exactly `alg`, `kid` and `typ: at+jwt` (RFC 8725, 3; RFC 9068, 2.1). Undefined if the form is wrong.
 */
export function readAccessTokenHeader(token: string): AccessTokenHeader | undefined {
  if (token.length > MAX_LENGTH) return undefined
  const parts = token.split('.', 4)
  if (parts.length !== 3 || !parts.every(isCanonical)) return undefined
  const header = readJsonObject(parts[0]!)
  if (!header || header.typ !== ACCESS_TOKEN_TYPE) return undefined
  if (typeof header.alg !== 'string' || typeof header.kid !== 'string' || header.kid === '') return undefined
  if (!Object.keys(header).every(member => HEADER_MEMBERS.has(member))) return undefined
  return { alg: header.alg, kid: header.kid }
}

/** Reads a part of a token that must be a JSON object; undefined if it is not one. */
export function readJsonObject(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

/** Refuses a text with extra bits that decoding ignores: it would be a second spelling of the same token. */
function isCanonical(part: string): boolean {
  return CANONICAL.test(part) && Buffer.from(part, 'base64url').toString('base64url') === part
}
