import { sql } from 'drizzle-orm'
import { isLive } from './is-live.js'
import { hotSql, type Runner } from './pool/connections.js'

/** The values of a token that an entry of the journal can name. */
export interface TokenSubject {
  jti: string
  kid: string
}

/** The claims of a user's access token that introspection needs. */
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

/** Whether a token is valid now by Postgres, whatever this instance's revocation list contains. */
export function introspectionRepository(runner: Runner) {
  return {
    /**
     * The current data of the token's user. Undefined if the session is not live or the token was revoked. The roles in
     * the token can differ from the user's.
     */
    async userOf(token: AccessTokenFacts): Promise<LiveUser | undefined> {
      const [row] = await runner.hot(userOf, token)
      return row
    },
  }
}

/** Whether the journal has an entry for the token or for its signing key: the parameters are a {@link TokenSubject}. */
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
