import { sql } from 'drizzle-orm'
import { isLive } from './is-live.js'
import { hotSql, type Runner } from './pool/connections.js'
import { idArray } from './session-facts.js'

/** What an account's sessions and events say about its use, and what the application notes about it. */
export interface UserActivity {
  id: string
  liveSessions: number
  /** Null if it never signed in, or so long ago that its events were deleted. */
  lastSignInAt: Date | null
  /** Null if there is none. */
  metadata: Record<string, unknown> | null
}

/** The use of accounts and their metadata, for support. */
export function userActivityRepository(runner: Runner) {
  return {
    /** The activity of these accounts, in any order: one statement, with a range of the index of sessions for each. */
    async of(ids: readonly string[]): Promise<UserActivity[]> {
      const rows = await runner.hot(activityOf, { ids: idArray(ids) })
      return rows.map(({ lastSignInAt, ...row }) => ({
        ...row,
        lastSignInAt: lastSignInAt === null ? null : new Date(lastSignInAt),
      }))
    },
  }
}

/**
 * A revoked session has no refresh token, but still shows when its user signed in. The events are read only if every
 * session was deleted, backwards to the last sign-in.
 */
const activityOf = hotSql<{ ids: string }, Omit<UserActivity, 'lastSignInAt'> & { lastSignInAt: string | null }>(
  'user_activity',
  sql`
    select given.id, of_sessions.live as "liveSessions", coalesce(of_sessions.latest, (
      select security_events.at from security_events
      where security_events.user_id = given.id and type in ('signed_in', 'registered')
      order by security_events.at desc, security_events.id desc limit 1)) as "lastSignInAt",
      (select metadata from user_metadata where user_metadata.user_id = given.id) as metadata
    from unnest(${sql.placeholder('ids')}::uuid[]) as given (id)
    cross join lateral (
      select (count(*) filter (where ${isLive}))::int as live, max(sessions.auth_time) as latest
      from sessions join users on users.id = sessions.user_id
        left join refresh_tokens on refresh_tokens.session_id = sessions.id
      where sessions.user_id = given.id) as of_sessions`,
)
