import { type Placeholder, type SQL, sql } from 'drizzle-orm'
import { hasNotEnded, isLive, joinsLiveTables, liveTables, ofUser, ofUsers } from './is-live.js'
import { hotSql } from './pool/connections.js'
import { sessions } from './schema/sessions.js'

/** A session that was ended just now. */
export interface RevokedSession {
  id: string
  userId: string
}

/** Ends those of some sessions that are alive: what ran out by itself was ended by nobody. */
export function revocation(condition: SQL, reason: SQL | Placeholder, alive = isLive): SQL {
  return sql`update sessions set revoked_at = now(), revoke_reason = ${reason} from ${liveTables}
    where ${joinsLiveTables} and ${condition} and ${alive} returning sessions.id, sessions.user_id as "userId"`
}

function hotRevocation<Arguments extends object>(name: string, condition: SQL, alive = isLive) {
  return hotSql<Arguments & { reason: string }, RevokedSession>(
    name,
    revocation(condition, sql.placeholder('reason'), alive),
  )
}

const isOneOf = sql`${sessions.id} = any(${sql.placeholder('ids')}::uuid[])`

/** Ends these sessions of one user. */
export const revokeSome = hotRevocation<{ ids: string; userId: string }>(
  'revoke_sessions',
  sql`${isOneOf} and ${ofUser}`,
)

/** Ends sessions of any users. */
export const revokeAny = hotRevocation<{ ids: string }>('revoke_any_sessions', isOneOf, hasNotEnded)

/** Ends every session of a user but one. */
export const revokeOthers = hotRevocation<{ userId: string; keptId: string }>(
  'revoke_other_sessions',
  sql`${ofUser} and ${sessions.id} <> ${sql.placeholder('keptId')}`,
)

/** Ends every session of these users. */
export const revokeAllOf = hotRevocation<{ userIds: string }>('revoke_all_sessions', ofUsers, hasNotEnded)

/** Ends the oldest live sessions of a user beyond a number of them. */
export const revokeBeyond = hotRevocation<{ userId: string; limit: number }>(
  'revoke_sessions_beyond',
  sql`${sessions.id} in (
    select sessions.id from sessions, ${liveTables} where ${joinsLiveTables} and ${ofUser} and ${isLive}
    order by sessions.created_at desc, sessions.id desc offset ${sql.placeholder('limit')})`,
)
