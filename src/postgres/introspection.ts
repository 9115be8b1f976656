import { sql } from 'drizzle-orm'
import { isLive } from './is-live.js'
import { hotSql, type Runner } from './pool/connections.js'

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
}

export interface LiveUser {
  username: string | null
  roles: string[]
  rolesVersion: number
}

/** What Postgres knows of a token right now, however far the lists in memory have come. */
export function introspectionRepository(runner: Runner) {
  return {
    /**
     * The user as they are now, whose token this is. Undefined unless the session is alive and nothing revoked the token;
     * what it says of roles may be out of date all the same.
     */
    async userOf(token: AccessTokenFacts): Promise<LiveUser | undefined> {
      const [row] = await runner.hot(userOf, token)
      return row
    },
  }
}

/** Whether the journal has an entry of this very token, or of the key that it was signed with: of a {@link TokenSubject}. */
export const tokenIsRevoked = sql`exists (
  select from revocations where kind in ('token', 'key') and subject in (${sql.placeholder('jti')}, ${sql.placeholder('kid')})
    and (revocations.expires_at is null or revocations.expires_at > now()))`

const userOf = hotSql<AccessTokenFacts, LiveUser>(
  'user_of_token',
  sql`
    select users.username, users.roles, users.roles_version as "rolesVersion"
    from sessions join users on users.id = user_id join refresh_tokens on session_id = sessions.id
    where sessions.id = ${sql.placeholder('sessionId')}::uuid and users.id = ${sql.placeholder('userId')}::uuid
      and ${isLive} and sessions.token_version = ${sql.placeholder('tokenVersion')} and not ${tokenIsRevoked}`,
)
