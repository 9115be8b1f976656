import type { RevokingRepositories } from '../../postgres/database.js'
import { commitAndAnnounce } from '../commit-and-announce.js'
import type { AuthContext } from '../context.js'

/** How many rows one transaction changes: none of them holds its locks for long. */
const BATCH_SIZE = 500
const LOWEST_ID = '00000000-0000-0000-0000-000000000000'

/** Where a batch begins, and how long it may be. */
export interface Batch {
  afterId: string
  limit: number
}

/**
 * Revokes in small transactions, each of which counts at once. Should one fail half-way, the rest follows when the whole
 * is asked for again.
 *
 * @param work changes a batch; returns the ids that it changed, in order
 * @returns how many were changed
 */
export async function inBatches(
  context: Pick<AuthContext, 'db' | 'revocations'>,
  work: (repositories: RevokingRepositories, batch: Batch) => Promise<readonly string[]>,
): Promise<number> {
  let changed = 0
  let afterId = LOWEST_ID
  for (;;) {
    const batch = { afterId, limit: BATCH_SIZE }
    const ids = await commitAndAnnounce(context, repositories => work(repositories, batch))
    changed += ids.length
    if (ids.length < BATCH_SIZE) return changed
    afterId = ids.at(-1)!
  }
}
