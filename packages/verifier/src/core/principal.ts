import type { TokenFacts } from './revocation-list.js'
import { encodableRoles } from './roles.js'

/** The user and the session of a verified access token. Instants are whole seconds since the epoch. */
export interface Principal extends TokenFacts {
  readonly roles: readonly string[]
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
 */
export function principalOf(claims: unknown, kid: string): Principal | undefined {
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
    ...(token_type === 'access' && { tokenType: token_type }),
  })
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
