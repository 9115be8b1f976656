import { desc, eq, sql } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import type { Runner } from './connections.js'
import { securityEvents } from './schema.js'
import { seconds } from './session-facts.js'

/** Everything that is written down about an account. */
export type SecurityEventType =
  | 'registered'
  | 'signed_in'
  | 'sign_in_failed'
  | 'signed_out'
  | 'session_revoked'
  | 'refresh_replayed'
  | 'refresh_recovered'
  | 'refresh_token_reused'
  | 'refresh_token_unknown'
  | 'password_changed'
  | 'roles_changed'
  | 'everyone_signed_out'
  | 'user_created'
  | 'user_disabled'
  | 'user_enabled'
  | 'user_deleted'
  | 'temporary_password_set'
  | 'sessions_revoked'
  | 'token_revoked'
  | 'client_created'
  | 'client_removed'
  | 'client_secret_rotated'

export interface NewSecurityEvent {
  type: SecurityEventType
  userId?: string | undefined
  sessionId?: string | undefined
  /** `user`, `system`, `cli`, or the id of a client or administrator. */
  actor: string
  ip?: string | undefined
  userAgent?: string | undefined
  details?: Record<string, unknown>
}

export type SecurityEvents = ReturnType<typeof securityEventsRepository>

/** What happened to accounts, and who did it. */
export function securityEventsRepository(runner: Runner) {
  return {
    async add(event: NewSecurityEvent): Promise<void> {
      await runner.run(executor => executor.insert(securityEvents).values({ ...event, id: uuidv7() }))
    },

    async addAll(events: readonly NewSecurityEvent[]): Promise<void> {
      if (events.length === 0) return
      const rows = events.map(event => ({ ...event, id: uuidv7() }))
      await runner.run(executor => executor.insert(securityEvents).values(rows))
    },

    /** Removes the oldest of the events that are older than this; returns how many. */
    async removeOlderThan(ageSeconds: number, limit: number): Promise<number> {
      const removed = await runner.run(executor =>
        executor.execute(sql`
          delete from security_events where id in (
            select id from security_events where at < now() - ${seconds(ageSeconds)}
            order by at limit ${limit} for update skip locked)`),
      )
      return removed.count
    },

    /** The events of an account, the latest first. */
    async of(userId: string, limit: number): Promise<(typeof securityEvents.$inferSelect)[]> {
      return runner.run(executor =>
        executor
          .select()
          .from(securityEvents)
          .where(eq(securityEvents.userId, userId))
          .orderBy(desc(securityEvents.at), desc(securityEvents.id))
          .limit(limit),
      )
    },
  }
}
