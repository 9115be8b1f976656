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

export type UseOutcome = 'recorded' | 'expired' | 'used_before'

/** The assertions of clients that were accepted. */
export function usedAssertionsRepository(runner: Runner) {
  return {
    /**
     * Records the use of an assertion, unless it must be refused: it has expired, or its id was used before and has not
     * expired. The same assertion can be used again if it is reusable. Of several uses at the same moment one succeeds.
     */
    async use({ idHash, contentHash, isReusable, ...given }: UsedAssertion): Promise<UseOutcome> {
      const hashes = { idHash: idHash.toString('hex'), contentHash: contentHash.toString('hex') }
      const [row] = await runner.hot(use, { ...given, ...hashes, isReusable })
      if (row!.expired) return 'expired'
      return row!.recorded ? 'recorded' : 'used_before'
    },

    /**
     * Deletes uses of assertions that have expired, and returns their number. It waits a little longer: a statement that
     * began before the assertion expired must still find its first use. The rows are found by their places (`ctid`), which
     * are locked: a join by the key can be planned as a scan of the whole table if many have expired.
     */
    async removeExpired(limit: number): Promise<number> {
      const removed = await runner.run(executor =>
        executor.execute(sql`
          delete from used_assertions where ctid = any(array(
            select ctid from used_assertions where expires_at < now() - interval '10 seconds'
            order by expires_at limit ${limit} for update skip locked))`),
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

/** The clock that lets a record be replaced also decides whether the assertion has expired: no moment is between both. */
const use = hotSql<UseParameters, { recorded: boolean; expired: boolean }>(
  'use_assertion',
  sql`
    with given as (select to_timestamp(${sql.placeholder('expiresAt')}::float8) as expires_at),
    recorded as (
      insert into used_assertions as earlier (client_id, id_hash, content_hash, expires_at)
      select ${sql.placeholder('clientId')}::uuid, decode(${sql.placeholder('idHash')}, 'hex'),
        decode(${sql.placeholder('contentHash')}, 'hex'), given.expires_at
      from given where given.expires_at > now()
      on conflict (client_id, id_hash) do update
        set content_hash = excluded.content_hash, expires_at = excluded.expires_at
        where earlier.expires_at < now()
          or (${sql.placeholder('isReusable')}::boolean and earlier.content_hash = excluded.content_hash)
      returning 1)
    select exists (select from recorded) as recorded, given.expires_at <= now() as expired from given`,
)
