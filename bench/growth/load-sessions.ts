import postgres from 'postgres'
import { deriveSecrets } from '../../src/domain/keys/secrets.js'
import { firstRefreshToken, hashOf, successorOf, writeRefreshToken } from '../../src/domain/tokens/refresh-token.js'
import { SECRETS } from '../service/start.js'
import { usersFor } from './fill.js'

/** A user of the load, with one session in each half of the table. */
export interface LoadUser {
  email: string
  refreshToken: string
  /** The other session, which is revoked. Nobody has its token. */
  otherSessionId: string
}

/** More than the buffers of Postgres hold with all their pages, and not more than nine tenths of the users. */
const MOST_USERS = 20_000

/** Gives real tokens to sessions that are evenly spread over the first half of the table, and returns these in no order. */
export async function openLoadSessions(databaseUrl: string, sessions: number): Promise<LoadUser[]> {
  const users = usersFor(sessions)
  const count = Math.min(MOST_USERS, Math.floor(users * 0.9))
  const numbers = Array.from({ length: count }, (_, at) => Math.floor((at * users) / count))
  const { refreshKeys } = deriveSecrets({
    jwtSecrets: [SECRETS.JWT_SECRET],
    refreshSecrets: [SECRETS.JWT_REFRESH_SECRET],
  })
  const [key] = refreshKeys
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  try {
    const rows = await sql<{ id: string; other: string; email: string }[]>`
      select growth_session(n) as id, growth_session(n + ${users}) as other, users.email
      from unnest(${numbers}::int[]) n join users on users.id = growth_user_of(n) order by md5(n::text)`
    const tokens = rows.map(({ id }) => firstRefreshToken(id, key))
    const given = tokens.map(token => ({
      id: token.sessionId,
      token_hash: hashOf(token).toString('hex'),
      next_hash: hashOf(successorOf(token, key)).toString('hex'),
    }))
    const { count: changed } = await sql`
      update refresh_tokens set generation = 0, token_hash = decode(given.token_hash, 'hex'),
        next_hash = decode(given.next_hash, 'hex')
      from jsonb_to_recordset(${sql.json(given)}) as given (id uuid, token_hash text, next_hash text)
      where session_id = given.id`
    if (rows.length !== count || changed !== count) throw new Error(`only ${changed} of ${count} sessions were found`)
    await sql`vacuum analyze refresh_tokens`
    return rows.map(({ email, other }, at) => ({
      email,
      refreshToken: writeRefreshToken(tokens[at]!),
      otherSessionId: other,
    }))
  } finally {
    await sql.end()
  }
}
