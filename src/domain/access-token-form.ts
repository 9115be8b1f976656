import { ACCESS_TOKEN_TYPE } from './access-token.js'

/** What the header of a well-formed access token says. */
export interface AccessTokenHeader {
  alg: string
  kid: string
}

const MAX_LENGTH = 4096
const CANONICAL = /^[A-Za-z0-9_-]+$/
/** What a header may hold. Everything else (`jku`, `x5u`, `jwk`, `crit`, `b64` …) is an attempt at something. */
const HEADER_MEMBERS = new Set(['alg', 'kid', 'typ'])

/**
 * Checks the form of an access token before any library sees it: three parts of canonical base64url, and a header of
 * exactly `alg`, `kid` and `typ: at+jwt` (RFC 8725, 3; RFC 9068, 2.1). Undefined if anything is off.
 */
export function readAccessTokenHeader(token: string): AccessTokenHeader | undefined {
  if (token.length > MAX_LENGTH) return undefined
  const parts = token.split('.', 4)
  if (parts.length !== 3 || !parts.every(isCanonical)) return undefined
  const header = parseObject(parts[0]!)
  if (!header || header.typ !== ACCESS_TOKEN_TYPE) return undefined
  if (typeof header.alg !== 'string' || typeof header.kid !== 'string' || header.kid === '') return undefined
  if (!Object.keys(header).every(member => HEADER_MEMBERS.has(member))) return undefined
  return { alg: header.alg, kid: header.kid }
}

/** A text with bits that decoding drops would be a second spelling of the same token. */
function isCanonical(part: string): boolean {
  return CANONICAL.test(part) && Buffer.from(part, 'base64url').toString('base64url') === part
}

function parseObject(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
