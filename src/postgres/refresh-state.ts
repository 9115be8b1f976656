import { eq, sql } from 'drizzle-orm'
import { reasonsNotLive, refreshTokenExpired } from './is-live.js'
import { hotStatement, type Runner } from './pool/connections.js'
import { users } from './schema/accounts.js'
import { refreshTokens, sessions } from './schema/sessions.js'
import { type SessionFacts, sessionFacts } from './session-facts.js'

/** Everything that the rotation table (docs/rotation.md) depends on, by the database's clock. */
export interface RefreshState extends SessionFacts {
  userDisabled: boolean
  sessionRevoked: boolean
  sessionExpired: boolean
  /** The session began before the user's token_version or the realm's not_before was last raised. */
  outdated: boolean
  /** Undefined if the session has no refresh token any more. */
  whitelist: WhitelistRow | undefined
}

export interface WhitelistRow {
  generation: number
  tokenHash: Buffer
  previousHash: Buffer | null
  nextHash: Buffer
  expired: boolean
  rotatedSecondsAgo: number
  /** The mark that came with the predecessor when it was rotated; undefined if that is not known. */
  previousMark: number | null | undefined
  /** The number of consecutive generations, up to lateGeneration, in which a late answer was counted. */
  lateReplays: number
  lateGeneration: number | null
}

/** Reads the state of a session's refresh token; undefined if the session does not exist. */
export async function findRefreshState(runner: Runner, sessionId: string): Promise<RefreshState | undefined> {
  const [row] = await runner.hot(find, { sessionId })
  if (!row) return undefined
  const { generation, tokenHash, nextHash, expired, rotatedSecondsAgo, lateReplays, ...rest } = row
  const { previousHash, previousMark, previousMarkGeneration, ...others } = rest
  const { lateGeneration, ...facts } = others
  if (generation === null || tokenHash === null || nextHash === null || rotatedSecondsAgo === null)
    return { ...facts, whitelist: undefined }
  return {
    ...facts,
    whitelist: {
      generation,
      tokenHash,
      previousHash,
      nextHash,
      rotatedSecondsAgo,
      previousMark: previousMarkGeneration === generation ? previousMark : undefined,
      lateGeneration,
      expired: expired ?? true,
      lateReplays: lateReplays ?? 0,
    },
  }
}

type FoundRow = Omit<RefreshState, 'whitelist'> & {
  [Column in keyof WhitelistRow]: WhitelistRow[Column] | null
} & { previousMarkGeneration: number | null }

const find = hotStatement<{ sessionId: string }, FoundRow>('find_refresh_token', executor =>
  executor
    .select({
      ...sessionFacts,
      ...reasonsNotLive,
      generation: refreshTokens.generation,
      tokenHash: refreshTokens.tokenHash,
      previousHash: refreshTokens.previousHash,
      nextHash: refreshTokens.nextHash,
      expired: refreshTokenExpired,
      rotatedSecondsAgo: sql<number | null>`extract(epoch from now() - ${refreshTokens.rotatedAt})::float8`,
      previousMark: refreshTokens.previousMark,
      previousMarkGeneration: refreshTokens.previousMarkGeneration,
      lateReplays: refreshTokens.lateReplays,
      lateGeneration: refreshTokens.lateGeneration,
    })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .leftJoin(refreshTokens, eq(refreshTokens.sessionId, sessions.id))
    .where(eq(sessions.id, sql.placeholder('sessionId')))
    .prepare('find_refresh_token'),
)
