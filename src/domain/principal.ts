import type { TokenFacts } from '../revocations/revocation-list.js'
import { carriableRoles } from './roles.js'

/** Who a verified request is. */
export interface Principal extends TokenFacts {
  roles: readonly string[]
  clientId: string
  /** The refresh generation of the token. */
  generation: number
  /** Whole seconds since the epoch. */
  expiresAt: number
  /** Only of a token that was made in another system's words. */
  dialect?: 'simple-jwt'
}

/** Reads a principal from verified claims; undefined when one is absent or of the wrong type (RFC 9068, 4). */
export function principalOf(claims: unknown, kid: string): Principal | undefined {
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return undefined
  const { sub, sid, jti, iat, exp, ver, gen, roles, roles_version, client_id, auth_time, token_type } =
    claims as Record<string, unknown>
  if (!isText(sub) || !isText(sid) || !isText(jti) || !isText(client_id)) return undefined
  if (!isInstant(iat) || !isInstant(exp) || !isInstant(auth_time) || !isCount(ver) || !isCount(gen)) return undefined
  if (!Array.isArray(roles) || !roles.every(role => typeof role === 'string')) return undefined
  if (roles_version !== undefined && !isCount(roles_version)) return undefined
  return {
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
    roles: carriableRoles(roles),
    rolesVersion: roles_version,
    ...(token_type === 'access' && { dialect: 'simple-jwt' }),
  }
}

/** Whether the roles of a token are those of the last change. Tokens of the version before this one do not say. */
export function hasCurrentRoles({ rolesVersion }: Principal, user: { rolesVersion: number }): boolean {
  return rolesVersion === undefined || rolesVersion === user.rolesVersion
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/** A JSON number may be as large as 1e999, which JavaScript reads as Infinity: a token that never expires. */
export function isInstant(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0
}

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
