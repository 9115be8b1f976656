import { randomUUID } from 'node:crypto'
import type { JournalPosition } from '../revocations/journal-follower.js'
import type { Revocation } from '../revocations/revocation.js'
import type { RevocationChannel } from '../revocations/revocations.js'
import { getText, inBatches } from './commands.js'
import { followRevocations, publishRevocations, type RevocationStreamOptions } from './revocation-stream.js'

/**
 * The blacklist in Redis, and a stream by which instances hear of its entries within milliseconds. Both may lose
 * anything at any time: the journal in Postgres is read every second, and a watermark tells whether the blacklist has
 * everything up to there. The blacklist is for others: no instance reads it.
 */
export function createRedisChannel(options: RevocationStreamOptions): RevocationChannel {
  const { redis, keys, now } = options
  // One key an instance, so that copies which fail leave no more than that behind.
  const copyKey = keys.copying(randomUUID())
  // The watermark is on one node of a cluster and speaks for all. Another that was gone may come back without its part.
  let lostNodes = 0
  let completedNodes = 0
  redis.on('-node', () => lostNodes++)

  async function blacklist(revocations: readonly Revocation[]): Promise<void> {
    const at = now()
    const live = revocations.filter(({ expiresAt }) => expiresAt === null || expiresAt > at)
    await inBatches(live, revocation => {
      const ttlMs = revocation.expiresAt === null ? 0 : Math.ceil(revocation.expiresAt - at)
      const raised = keys.revoked(revocation).map(({ key, bound }) => redis.latchkeyRaise(key, bound, ttlMs))
      return Promise.all(raised)
    })
  }

  return {
    async publish(revocations) {
      await Promise.all([publishRevocations(options, revocations), blacklist(revocations)])
    },

    follow: onNews => followRevocations(options, onNews),

    async complete({ from, to, entries, all }) {
      // Redis may lose what is being copied, and be flushed or set back to an older watermark. The copyKey goes with it,
      // and a copy that does not find itself there leaves the watermark to the next one.
      const copyId = randomUUID()
      const [, watermark] = await Promise.all([
        redis.set(copyKey, copyId, 'PX', keys.copyingTtlMs),
        getText(redis, keys.watermark),
      ])
      const lost = lostNodes
      const isComplete = lost === completedNodes && from !== undefined && reaches(watermark, from)
      await blacklist(isComplete ? entries : all())
      await redis.latchkeyAdvance(keys.watermark, copyKey, to.serverStart, to.xid, keys.watermarkTtlMs, copyId)
      completedNodes = lost
    },
  }
}

/** Whether a watermark says that everything up to this position is there. */
function reaches(watermark: string | null, { serverStart, xid }: JournalPosition): boolean {
  const [start, reached] = watermark?.split(':') ?? []
  return start === serverStart && reached !== undefined && /^\d{1,20}$/.test(reached) && BigInt(reached) >= BigInt(xid)
}
