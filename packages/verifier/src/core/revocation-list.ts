import { type BoundName, boundsOf, type Revocation } from './revocation.js'

/**
 * The claims by which a revocation can refuse a token. Never its bytes: each ES256 signature has a second valid form.
 */
export interface TokenFacts {
  readonly kid: string
  readonly jti: string
  readonly sessionId: string
  readonly userId: string
  readonly tokenVersion: number
  /** Undefined in tokens of clients, and in tokens of the previous version, which compares `issuedAt` instead. */
  readonly rolesVersion: number | undefined
  /** Whole seconds since the epoch, like `authTime`. */
  readonly issuedAt: number
  /** When its session began. */
  readonly authTime: number
}

interface Bound {
  value: number
  /** Milliseconds since the epoch. */
  expiresAt: number
}

/** A bound of 0 refuses no token. */
type UserBounds = Record<BoundName, Bound> & {
  /** What the change that set the version's bound did to the account. */
  account: AccountEnd | undefined
}

/** Why all tokens of a user are refused, for the APIs that tell their clients. */
export type AccountEnd = 'deleted' | 'disabled'

/**
 * The revocations that can still refuse a token, in memory. Every request checks its token here, with a few look-ups in
 * maps. Adding is idempotent and never lowers a bound, so entries can arrive twice and in any order.
 */
export class RevocationList {
  readonly #sessions = new Map<string, number>()
  readonly #tokens = new Map<string, number>()
  readonly #users = new Map<string, UserBounds>()
  readonly #keys = new Set<string>()
  #realmBefore = 0
  #realmExpiresAt = 0

  /** The number of entries. */
  get size(): number {
    return (
      this.#sessions.size + this.#tokens.size + this.#users.size + this.#keys.size + (this.#realmBefore > 0 ? 1 : 0)
    )
  }

  add(revocation: Revocation): void {
    const expiresAt = revocation.expiresAt ?? Number.POSITIVE_INFINITY
    switch (revocation.kind) {
      case 'session':
        keepLatest(this.#sessions, revocation.subject, expiresAt)
        break
      case 'token':
        keepLatest(this.#tokens, revocation.subject, expiresAt)
        break
      case 'key':
        this.#keys.add(revocation.subject)
        break
      case 'realm':
        this.#realmBefore = Math.max(this.#realmBefore, revocation.before)
        this.#realmExpiresAt = Math.max(this.#realmExpiresAt, expiresAt)
        break
      case 'user':
        this.#addUser(revocation, expiresAt)
        break
    }
  }

  /**
   * Why a token is refused: `revoked` if its session has ended, or `stale` if only the access token is too old and the
   * session can get a new one.
   */
  refuses(token: TokenFacts): 'revoked' | 'stale' | undefined {
    const beganAt = token.rolesVersion === undefined ? token.issuedAt : token.authTime
    if (beganAt < this.#realmBefore || this.#sessions.has(token.sessionId)) return 'revoked'
    if (this.#tokens.has(token.jti)) return 'revoked'
    const bounds = this.#users.get(token.userId)
    if (bounds && token.tokenVersion < bounds.version.value) return 'revoked'
    if (this.#keys.has(token.kid)) return 'stale'
    if (!bounds) return undefined
    const isStale = (token.rolesVersion ?? Number.POSITIVE_INFINITY) < bounds.roles.value
    return isStale || token.issuedAt < bounds.before.value ? 'stale' : undefined
  }

  /**
   * Whether a token is refused because its account was deleted or disabled. For tokens from before, an account that has
   * been enabled again still counts as disabled.
   */
  accountEndOf({ userId, tokenVersion }: Pick<TokenFacts, 'userId' | 'tokenVersion'>): AccountEnd | undefined {
    const bounds = this.#users.get(userId)
    return bounds && tokenVersion < bounds.version.value ? bounds.account : undefined
  }

  /** Whether adding the entry would change nothing. */
  covers(revocation: Revocation): boolean {
    const { kind } = revocation
    if (kind === 'realm') return this.#realmBefore >= revocation.before
    if (kind === 'key') return this.#keys.has(revocation.subject)
    if (kind === 'session') return this.#sessions.has(revocation.subject)
    if (kind === 'token') return this.#tokens.has(revocation.subject)
    const held = this.#users.get(revocation.subject)
    return held !== undefined && boundsOf(revocation).every(({ name, value }) => held[name].value >= value)
  }

  /** All entries, in a form that can be added to another list. The list does not keep their reasons. */
  *entries(): Generator<Revocation> {
    for (const [subject, expiresAt] of this.#sessions) yield { kind: 'session', subject, ...until(expiresAt) }
    for (const [subject, expiresAt] of this.#tokens) yield { kind: 'token', subject, ...until(expiresAt) }
    for (const subject of this.#keys) yield { kind: 'key', subject, ...until(Number.POSITIVE_INFINITY) }
    for (const [subject, { version, roles, before }] of this.#users) {
      if (version.value > 0) yield { kind: 'user', subject, belowVersion: version.value, ...until(version.expiresAt) }
      const instant = { kind: 'user', subject, before: before.value, ...until(before.expiresAt) } as const
      if (roles.value > 0) yield { ...instant, belowRolesVersion: roles.value }
      else if (before.value > 0) yield instant
    }
    if (this.#realmBefore > 0) yield { kind: 'realm', before: this.#realmBefore, ...until(this.#realmExpiresAt) }
  }

  /** Removes entries whose tokens have all expired. */
  sweep(nowMs: number): void {
    for (const entries of [this.#sessions, this.#tokens])
      for (const [subject, expiresAt] of entries) if (expiresAt <= nowMs) entries.delete(subject)
    for (const [userId, { version, roles, before }] of this.#users)
      if (Math.max(version.expiresAt, roles.expiresAt, before.expiresAt) <= nowMs) this.#users.delete(userId)
  }

  #addUser(revocation: Extract<Revocation, { kind: 'user' }>, expiresAt: number): void {
    let bounds = this.#users.get(revocation.subject)
    if (!bounds) {
      bounds = { version: NO_BOUND, roles: NO_BOUND, before: NO_BOUND, account: undefined }
      this.#users.set(revocation.subject, bounds)
    }
    if ('belowVersion' in revocation) {
      const { value } = bounds.version
      const end = ACCOUNT_ENDS[revocation.reason]
      // The same entry can arrive again without its reason, if a failover lost it and it was repaired.
      if (revocation.belowVersion > value || (revocation.belowVersion === value && end)) bounds.account = end
    }
    for (const { name, value } of boundsOf(revocation)) {
      const held = bounds[name]
      bounds[name] = { value: Math.max(held.value, value), expiresAt: Math.max(held.expiresAt, expiresAt) }
    }
  }
}

/** By the reason of the revocation. */
const ACCOUNT_ENDS: Partial<Record<string, AccountEnd>> = { user_deleted: 'deleted', user_disabled: 'disabled' }

const NO_BOUND: Bound = { value: 0, expiresAt: 0 }

function until(expiresAt: number): { reason: string; expiresAt: number | null } {
  return { reason: 'recovered', expiresAt: Number.isFinite(expiresAt) ? expiresAt : null }
}

function keepLatest(entries: Map<string, number>, subject: string, expiresAt: number): void {
  if ((entries.get(subject) ?? 0) < expiresAt) entries.set(subject, expiresAt)
}
