import type { RefreshState } from '../db/refresh-tokens.js'
import type { AuthContext } from './context.js'

/** Whether the successor of a presented predecessor was seen in use after both had time to settle. */
export async function isSuccessorInUse(
  { activity, clock, config }: Pick<AuthContext, 'activity' | 'clock' | 'config'>,
  state: RefreshState,
  hash: Buffer,
): Promise<boolean> {
  const row = state.whitelist
  if (!row?.previousHash?.equals(hash)) return false
  const lastSeen = await activity.generationLastSeen(state.sessionId, row.generation)
  const settledAt = clock() - (row.rotatedSecondsAgo - config.refresh.settleSeconds) * 1000
  return lastSeen !== undefined && lastSeen > settledAt
}
