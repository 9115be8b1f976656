/** Why a session was revoked, as the database keeps it. */
export type Reason =
  | 'logout'
  | 'logout_others'
  | 'logout_all'
  | 'revoked_by_user'
  | 'refresh_token_reused'
  | 'password_changed'
  | 'user_disabled'
  | 'too_many_sessions'

export interface User {
  id: string
  email: string
  password: string
  disabled: boolean
  /** How often the roles were changed: access tokens from before a change are stale. */
  roleChanges: number
}

export interface AccessToken {
  text: string
  session: Session
  generation: number
  expiresAt: number
  roleChanges: number
}

/** Instants are milliseconds since the epoch, here and everywhere in the model. */
export interface Session {
  id: string
  user: User
  generation: number
  /** Every refresh token it ever had, by generation. */
  tokens: string[]
  access: AccessToken[]
  rotatedAt: number
  idleAt: number
  endsAt: number
  /** Whether everyone was signed out since it was opened. */
  outdated: boolean
  revoked: Reason | undefined
  late: { count: number; generation: number | undefined }
  /** The generations that were answered as superseded, and when first. */
  told: Map<number, number>
  /** When each generation was last seen in use. */
  seen: Map<number, number>
  /** The generation that its owner holds, and the one that a thief holds. */
  held: { client: number; thief: number | undefined }
}

/** The generation of the new token, or the code of the refusal. */
export type Refreshed = number | string

const SECOND = 1000
const DAY = 24 * 60 * 60 * SECOND
export const ACCESS_TTL = 15 * 60 * SECOND
export const IDLE_TTL = 7 * DAY
export const MAX_AGE = 30 * DAY
export const MAX_SESSIONS = 4
const [MIN_AGE, LEEWAY, SETTLE, GRACE, MAX_LATE] = [30 * SECOND, 10 * SECOND, 60 * SECOND, 600 * SECOND, 6]

/**
 * Predicts what the service answers. It gets every event in order, with its time, and reads nothing from the service.
 */
export class Model {
  readonly users: User[] = []
  readonly sessions: Session[] = []

  /** The rotation table of docs/rotation.md, for clients that keep the token themselves. */
  refresh(session: Session, generation: number, now: number): Refreshed {
    const over = this.refusalOf(session, now)
    if (over) return over
    const age = now - session.rotatedAt
    if (generation === session.generation) {
      session.seen.set(generation, now)
      if (generation > 0 && age < MIN_AGE) return generation
      session.rotatedAt = now
      session.idleAt = Math.min(now + IDLE_TTL, session.endsAt)
      return ++session.generation
    }
    const isParent = generation === session.generation - 1
    if (isParent && age <= LEEWAY) return session.generation
    if (isParent && !this.#isInUse(session) && this.#countLate(session, now)) return session.generation
    const toldAt = session.told.get(generation)
    if (toldAt !== undefined && now - toldAt > GRACE) {
      session.revoked = 'refresh_token_reused'
      return 'refresh_token_reused'
    }
    if (toldAt === undefined) session.told.set(generation, now)
    return 'refresh_token_superseded'
  }

  /**
   * The same with `rotate: false`, which changes nothing. The generation of the access token is that of the presented
   * token, and the request is a sighting of it.
   */
  ask(session: Session, generation: number, now: number): Refreshed {
    const over = this.refusalOf(session, now)
    if (over) return over
    if (!this.#wouldBeAnswered(session, generation, now)) return 'refresh_token_superseded'
    session.seen.set(generation, now)
    return generation
  }

  #wouldBeAnswered(session: Session, generation: number, now: number): boolean {
    if (generation === session.generation) return true
    if (generation < session.generation - 1) return false
    const { late, rotatedAt } = session
    if (now - rotatedAt <= LEEWAY) return true
    const isExhausted = late.generation === session.generation - 1 && late.count >= MAX_LATE
    return !this.#isInUse(session) && !isExhausted
  }

  /** The answer to an access token: 200, or the code of the refusal. A 200 counts as a sighting. */
  verify({ session, generation, ...token }: AccessToken, now: number): number | string {
    if (now >= token.expiresAt) return 'token_expired'
    if (session.revoked || session.outdated) return 'token_revoked'
    if (token.roleChanges < session.user.roleChanges) return 'token_stale'
    session.seen.set(generation, now)
    return 200
  }

  refusalOf(session: Session, now: number): string | undefined {
    if (session.user.disabled) return 'user_disabled'
    if (session.revoked) return 'session_revoked'
    if (now >= session.endsAt) return 'session_expired'
    if (session.outdated) return 'session_revoked'
    return now >= session.idleAt ? 'refresh_token_expired' : undefined
  }

  isLive(session: Session, now: number): boolean {
    return this.refusalOf(session, now) === undefined
  }

  sessionsOf(user: User): Session[] {
    return this.sessions.filter(session => session.user === user)
  }

  /**
   * Revokes every live session of a user, or all but `kept`. Without `kept`, the sessions that had ended become
   * outdated.
   */
  revokeAll(user: User, reason: Reason, now: number, kept?: Session): void {
    for (const session of this.sessionsOf(user)) {
      if (session === kept) continue
      if (this.isLive(session, now)) session.revoked = reason
      else if (kept === undefined) session.outdated = true
    }
  }

  /** Revokes the oldest live sessions beyond the limit, as a sign-in does. */
  revokeBeyondLimit(user: User, now: number): void {
    const live = this.sessionsOf(user).filter(session => this.isLive(session, now))
    for (const session of live.slice(0, Math.max(0, live.length - MAX_SESSIONS))) session.revoked = 'too_many_sessions'
  }

  /** Whether a refresh token may be used to end other sessions. */
  isLiveToken(session: Session, generation: number, now: number): boolean {
    if (!this.isLive(session, now)) return false
    const isParent = generation === session.generation - 1
    return generation === session.generation || (isParent && now - session.rotatedAt <= LEEWAY)
  }

  /** The instants at which an answer changes by itself. */
  turningPoints(): number[] {
    return this.sessions.flatMap(({ rotatedAt, idleAt, endsAt, told, access }) => [
      ...[LEEWAY, MIN_AGE, SETTLE].map(after => rotatedAt + after),
      ...[...told.values()].map(at => at + GRACE),
      ...[idleAt, endsAt],
      ...access.map(({ expiresAt }) => expiresAt),
    ])
  }

  #isInUse({ seen, generation, rotatedAt }: Session): boolean {
    return (seen.get(generation) ?? 0) > rotatedAt + SETTLE
  }

  /** Counts one late answer per generation, and restarts its age; false at the seventh generation in a row. */
  #countLate(session: Session, now: number): boolean {
    const { late, generation, seen, rotatedAt } = session
    if (late.generation === generation) {
      if (!seen.has(generation) && now - rotatedAt > LEEWAY) session.rotatedAt = now
      return true
    }
    const inARow = late.generation === generation - 1
    if (inARow && late.count >= MAX_LATE) return false
    session.late = { generation, count: inARow ? late.count + 1 : 1 }
    session.rotatedAt = now
    return true
  }
}
