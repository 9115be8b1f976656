import { randomUUID } from 'node:crypto'
import type { Revocation } from '@latchkey/verifier/core'
import { collectGarbageOf } from '../lib/collect-garbage.js'
import type { JournalPosition } from '../revocations/journal-follower.js'
import type { RevocationChannel } from '../revocations/revocation-channel.js'
import { getText, inBatches } from './commands.js'
import { followRevocations, publishRevocations, type RevocationStreamOptions } from './revocation-stream.js'

/**
 * The blacklist in Redis, and a stream that brings its entries to the other instances within milliseconds. Both may
 * lose anything at any time: every instance reads the journal in Postgres every second, and a watermark tells up to
 * which position of the journal the blacklist is complete. The blacklist is for other systems: no instance reads it.
 */
export function createRedisChannel(options: RevocationStreamOptions): RevocationChannel {
  const { redis, keys, now } = options
  // One key for each instance, so that failed copies leave only that key behind.
  const copyKey = keys.copying(randomUUID())
  // The watermark is on one node of a cluster but stands for all. A node that was lost may come back without its
  // entries.
  let lostNodes = 0
  let lostAtCompletion = 0
  redis.on('-node', () => lostNodes++)

  async function blacklist(revocations: Iterable<Revocation>): Promise<void> {
    const at = now()
    let count = 0
    await inBatches(revocations, async revocation => {
      count++
      const ttlMs = revocation.expiresAt === null ? 0 : Math.ceil(revocation.expiresAt - at)
      if (revocation.expiresAt !== null && ttlMs <= 0) return
      const raised = keys.revoked(revocation).map(({ key, bound }) => redis.latchkeyRaise(key, bound, ttlMs))
      await Promise.all(raised)
    })
    await collectGarbageOf(count)
  }

  return {
    async publish(revocations) {
      await Promise.all([publishRevocations(options, revocations), blacklist(revocations)])
    },

    follow: listener => followRevocations(options, listener),

    async complete({ from, to, entries, all }) {
      // Redis may lose what is being copied: it may be flushed, or restored with an older watermark. Then it loses this
      // key too. A copy that does not find its id in the key leaves the watermark as it is, and the next copy moves it.
      const copyId = randomUUID()
      const [, watermark] = await Promise.all([
        redis.set(copyKey, copyId, 'PX', keys.copyingTtlMs),
        getText(redis, keys.watermark),
      ])
      const lost = lostNodes
      const isComplete = lost === lostAtCompletion && from !== undefined && reaches(watermark, from)
      await blacklist(isComplete ? entries : all())
      await redis.latchkeyAdvance(keys.watermark, copyKey, to.serverStart, to.xid, keys.watermarkTtlMs, copyId)
      lostAtCompletion = lost
    },
  }
}

/** Whether the blacklist is complete up to this position, according to its watermark. */
function reaches(watermark: string | null, { serverStart, xid }: JournalPosition): boolean {
  const [start, reached] = watermark?.split(':') ?? []
  return start === serverStart && reached !== undefined && /^\d{1,20}$/.test(reached) && BigInt(reached) >= BigInt(xid)
}
