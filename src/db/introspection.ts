import { type SQL, sql } from 'drizzle-orm'
import type { Runner } from './connections.js'

/** What of a token the journal may name. */
export interface TokenSubject {
  jti: string
  kid: string
}

/** What a user's access token says of itself. */
export interface AccessTokenFacts extends TokenSubject {
  userId: string
  sessionId: string
  tokenVersion: number
  /** Whole seconds since the epoch. */
  issuedAt: number
}

/** What Postgres knows of a token right now, however far the lists in memory have come. */
export function introspectionRepository(runner: Runner) {
  return {
    /** Undefined unless an access token is good: its session and its user live, and nothing revoked it. */
    async accessToken(token: AccessTokenFacts): Promise<{ username: string | null } | undefined> {
      const [row] = await runner.run(executor =>
        executor.execute<{ username: string | null }>(sql`
          select users.username
          from sessions join users on users.id = user_id join realm on realm.id join refresh_tokens on session_id = sessions.id
          where sessions.id = ${token.sessionId}::uuid and users.id = ${token.userId}::uuid
            and revoked_at is null and sessions.expires_at > now() and disabled_at is null
            and sessions.token_version = users.token_version and sessions.token_version = ${token.tokenVersion}
            and sessions.created_at >= not_before
            and to_timestamp(${token.issuedAt}::float8) >= greatest(not_before, tokens_not_before)
            and not ${tokenIsRevoked(token)}`),
      )
      return row
    },
  }
}

/** Whether the journal has an entry of this very token, or of the key that it was signed with. */
export function tokenIsRevoked({ jti, kid }: TokenSubject): SQL {
  return sql`exists (
    select from revocations where kind in ('token', 'key') and subject in (${jti}, ${kid})
      and (revocations.expires_at is null or revocations.expires_at > now()))`
}
