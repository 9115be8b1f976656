import { type Placeholder, type SQL, sql } from 'drizzle-orm'
import { hasNotEnded, isLive, joinsLiveTables, liveTables, ofUser, ofUsers } from './is-live.js'
import { hotSql } from './pool/connections.js'
import { sessions } from './schema/sessions.js'

/** A session that this statement revoked. */
export interface RevokedSession {
  id: string
  userId: string
}

/** Revokes those of the sessions that are live; expired sessions stay expired. */
export function revokeWhere(condition: SQL, reason: SQL | Placeholder, isRevocable = isLive): SQL {
  return sql`update sessions set revoked_at = now(), revoke_reason = ${reason} from ${liveTables}
    where ${joinsLiveTables} and ${condition} and ${isRevocable} returning sessions.id, sessions.user_id as "userId"`
}

function hotRevocation<Arguments extends object>(name: string, condition: SQL, isRevocable = isLive) {
  return hotSql<Arguments & { reason: string }, RevokedSession>(
    name,
    revokeWhere(condition, sql.placeholder('reason'), isRevocable),
  )
}

const isOneOf = sql`${sessions.id} = any(${sql.placeholder('ids')}::uuid[])`

/** Revokes these sessions of one user. */
export const revokeSome = hotRevocation<{ ids: string; userId: string }>(
  'revoke_sessions',
  sql`${isOneOf} and ${ofUser}`,
)

/** Revokes sessions of any users. */
export const revokeAny = hotRevocation<{ ids: string }>('revoke_any_sessions', isOneOf, hasNotEnded)

/** Revokes all sessions of a user except one. */
export const revokeOthers = hotRevocation<{ userId: string; keptId: string }>(
  'revoke_other_sessions',
  sql`${ofUser} and ${sessions.id} <> ${sql.placeholder('keptId')}`,
)

/** Revokes all sessions of these users. */
export const revokeAllOf = hotRevocation<{ userIds: string }>('revoke_all_sessions', ofUsers, hasNotEnded)

/** Revokes the oldest live sessions of a user beyond the limit. */
export const revokeBeyond = hotRevocation<{ userId: string; limit: number }>(
  'revoke_sessions_beyond',
  sql`${sessions.id} in (
    select sessions.id from sessions, ${liveTables} where ${joinsLiveTables} and ${ofUser} and ${isLive}
    order by sessions.created_at desc, sessions.id desc offset ${sql.placeholder('limit')})`,
)
