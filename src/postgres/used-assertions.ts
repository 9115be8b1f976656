import { sql } from 'drizzle-orm'
import { hotSql, type Runner } from './pool/connections.js'

export interface UsedAssertion {
  clientId: string
  idHash: Buffer
  contentHash: Buffer
  /** Whole seconds since the epoch. */
  expiresAt: number
  /** Whether the same assertion can be used again. */
  isReusable: boolean
}

/** The assertions of clients that were accepted. */
export function usedAssertionsRepository(runner: Runner) {
  return {
    /**
     * Records the use of an assertion. Returns false if it must be refused: its id was used before and has not expired,
     * unless the assertion is reusable and the same. Of several uses at the same moment one succeeds.
     */
    async use({ idHash, contentHash, isReusable, ...given }: UsedAssertion): Promise<boolean> {
      const hashes = { idHash: idHash.toString('hex'), contentHash: contentHash.toString('hex') }
      const recorded = await runner.hot(use, { ...given, ...hashes, isReusable })
      return recorded.length === 1
    },

    /** Deletes uses of assertions that have expired, and returns their number. */
    async removeExpired(limit: number): Promise<number> {
      const removed = await runner.run(executor =>
        executor.execute(sql`
          delete from used_assertions where (client_id, id_hash) in (
            select client_id, id_hash from used_assertions where expires_at < now() order by expires_at limit ${limit}
            for update skip locked)`),
      )
      return removed.count
    },
  }
}

interface UseParameters {
  clientId: string
  idHash: string
  contentHash: string
  expiresAt: number
  isReusable: boolean
}

const use = hotSql<UseParameters, { used: number }>(
  'use_assertion',
  sql`
    insert into used_assertions as earlier (client_id, id_hash, content_hash, expires_at)
    values (${sql.placeholder('clientId')}, decode(${sql.placeholder('idHash')}, 'hex'),
      decode(${sql.placeholder('contentHash')}, 'hex'), to_timestamp(${sql.placeholder('expiresAt')}::float8))
    on conflict (client_id, id_hash) do update set content_hash = excluded.content_hash, expires_at = excluded.expires_at
      where earlier.expires_at < now()
        or (${sql.placeholder('isReusable')}::boolean and earlier.content_hash = excluded.content_hash)
    returning 1 as used`,
)
