import type { TokenFacts } from './revocation-list.js'
import { encodableRoles } from './roles.js'

/** Claims of an application whose types are not known. */
export type AnyClaims = Record<string, unknown>

/** The claim that contains the claims of the application, unless JWT_CLAIMS_NAMESPACE is another one. */
export const CLAIMS_NAMESPACE = 'ext'

/** The user and the session of a verified access token. Instants are whole seconds since the epoch. */
export interface Principal<Claims extends object = AnyClaims> extends TokenFacts {
  readonly roles: readonly string[]
  /** What the application says about the user; an empty object if nothing. Any of them can be missing. */
  readonly claims: Readonly<Partial<Claims>>
  readonly clientId: string
  /** The refresh generation of the token. */
  readonly generation: number
  readonly expiresAt: number
  /** The claim `token_type`, of tokens of the Simple JWT API. */
  readonly tokenType?: 'access'
}

/**
 * Reads a principal from verified claims; undefined if a claim is missing or has the wrong type (RFC 9068, 4). It is
 * frozen, because every request with the same token gets the same object.
 *
 * @param namespace the claim that contains the claims of the application
 */
export function principalOf(claims: unknown, kid: string, namespace: string = CLAIMS_NAMESPACE): Principal | undefined {
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return undefined
  const { sub, sid, jti, iat, exp, ver, gen, roles, roles_version, client_id, auth_time, token_type } =
    claims as Record<string, unknown>
  if (!isText(sub) || !isText(sid) || !isText(jti) || !isText(client_id)) return undefined
  if (!isInstant(iat) || !isInstant(exp) || !isInstant(auth_time) || !isCount(ver) || !isCount(gen)) return undefined
  if (!Array.isArray(roles) || !roles.every(role => typeof role === 'string')) return undefined
  if (roles_version !== undefined && !isCount(roles_version)) return undefined
  return Object.freeze({
    kid,
    jti,
    sessionId: sid,
    userId: sub,
    tokenVersion: ver,
    issuedAt: iat,
    expiresAt: exp,
    authTime: auth_time,
    clientId: client_id,
    generation: gen,
    roles: Object.freeze(encodableRoles(roles)),
    rolesVersion: roles_version,
    claims: claimsOf((claims as Record<string, unknown>)[namespace]),
    ...(token_type === 'access' && { tokenType: token_type }),
  })
}

const NO_CLAIMS: AnyClaims = Object.freeze({})

/** Something else than an object is the claim of another system, and says nothing here. */
function claimsOf(value: unknown): AnyClaims {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return NO_CLAIMS
  return deepFreeze(value as AnyClaims)
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) deepFreeze(part)
  return Object.freeze(value)
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/** Refuses 1e999, which is valid JSON and which JavaScript reads as Infinity: such a token would never expire. */
export function isInstant(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
