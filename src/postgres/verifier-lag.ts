import { type SQL, sql } from 'drizzle-orm'
import { hotSql } from './pool/connections.js'
import { SERVER_START } from './server-start.js'

/** Whether its position says something about the entries of this server. */
export const isKnown = sql`coalesce(server_start = ${SERVER_START} and confirmed_server_start = ${SERVER_START}, false)`
export const isLive = sql`live_until > now()`

/** When the oldest entry was written that a position does not see. */
export function missingSince(position: SQL): SQL {
  return sql`
      select least(
        (select min(written.at) from pg_snapshot_xip(${position}) as open (xid), lateral (
          select at from revocations where xid = open.xid order by xid limit 1
        ) as written),
        (select at from revocations where xid >= pg_snapshot_xmax(${position}) order by xid limit 1)
      ) as since`
}

/** What is known of all live verifiers together. */
export interface VerifierSummary {
  live: number
  /** How many of them have not confirmed an entry that is older than {@link LAGGING_SECONDS}, or anything at all. */
  lagging: number
  /** The age of the oldest entry that one of them has not confirmed, in seconds. */
  slowestLagSeconds: number
}

/** Longer than any verifier needs: it reports at least every five seconds what is new. */
export const LAGGING_SECONDS = 15

/** Many verifiers have the same position, so the lag of each position is computed once. */
export const summary = hotSql<object, VerifierSummary>(
  'summarize_verifiers',
  sql`
    with position as materialized (
      select ${isKnown} as "isKnown", confirmed::text as confirmed, count(*) as verifiers,
        min(connected_at) as "connectedAt"
      from verifiers where ${isLive} group by 1, 2
    ), lag as (
      select verifiers, coalesce(extract(epoch from clock_timestamp() - case when "isKnown" then missing.since else "connectedAt" end), 0)::float8
        as seconds
      from position left join lateral (${missingSince(sql`confirmed::pg_snapshot`)}) as missing on "isKnown"
    )
    select coalesce(sum(verifiers), 0)::int as live,
      coalesce(sum(verifiers) filter (where seconds > ${sql.raw(String(LAGGING_SECONDS))}), 0)::int as lagging,
      coalesce(max(seconds), 0)::float8 as "slowestLagSeconds"
    from lag`,
)
