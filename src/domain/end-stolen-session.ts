import { commitAndAnnounce } from './commit-and-announce.js'
import type { AuthContext, Caller } from './context.js'
import { endSessions } from './end-sessions.js'

/** Two parties hold the session's tokens and nothing tells which is the thief: the session ends for both. */
export async function endStolenSession(
  context: Pick<AuthContext, 'db' | 'revocations'>,
  { sessionId, generation }: { sessionId: string; generation: number },
  userId: string,
  caller: Caller,
): Promise<void> {
  await commitAndAnnounce(context, async repositories => {
    const entries = await endSessions(repositories, userId, [sessionId], 'refresh_token_reused')
    const event = { userId, sessionId, actor: 'system', ...caller, details: { generation } }
    if (entries.length > 0) await repositories.securityEvents.add({ ...event, type: 'refresh_token_reused' })
  })
}
