import { type SQL, sql } from 'drizzle-orm'
import { LEASE_SECONDS } from '../revocations/feed/leased-registry.js'
import {
  type LaggingVerifier,
  MOST_TARGETS,
  type ReceiptStore,
  type TargetState,
} from '../revocations/receipts/receipt-store.js'
import { hotSql, type Runner } from './pool/connections.js'
import { SERVER_START } from './server-start.js'
import { isKnown, isLive, missingSince, summary, type VerifierSummary } from './verifier-lag.js'

/** A verifier in the list for operators. */
export interface ListedVerifier extends LaggingVerifier {
  instance: string
  maxStalenessSeconds: number
  isLive: boolean
  /** The age of the oldest revocation that it has not confirmed, in seconds; null if nothing is known. */
  lagSeconds: number | null
}

/** A place in the list. */
export interface VerifierPlace {
  name: string
  id: string
}

/** Before every name. */
const FIRST: VerifierPlace = { name: '', id: '00000000-0000-0000-0000-000000000000' }

export type ReceiptsRepository = ReturnType<typeof receiptsRepository>

/** What verifiers have applied of the journal (docs/adr/0021-receipts.md). */
export function receiptsRepository(runner: Runner) {
  return {
    readTargets: snapshots => runner.hot(readTargets, { snapshots: JSON.stringify(snapshots) }),
    async findLagging(snapshot, limit) {
      const rows = await runner.hot(findLagging, { snapshot, limit })
      const { serverStart, total } = rows[0]!
      return { serverStart, total: total ?? 0, verifiers: total === null ? [] : rows.map(toVerifier) }
    },

    /** The live verifiers of all instances together. */
    async summary(): Promise<VerifierSummary> {
      const [row] = await runner.hot(summary, {})
      return row!
    },

    /**
     * Verifiers that are live, and those that were within the last hour; sorted by name.
     *
     * @param after - the last one of the page before
     */
    async list(limit: number, after: VerifierPlace = FIRST): Promise<ListedVerifier[]> {
      const rows = await runner.hot(list, { limit, name: after.name, id: after.id })
      return rows.map(row => {
        const { instance, maxStalenessSeconds, isLive, lagSeconds } = row
        return { ...toVerifier(row), instance, maxStalenessSeconds, isLive, lagSeconds }
      })
    },
  } satisfies ReceiptStore & Record<string, unknown>
}

/**
 * Whether the journal has an entry that a target sees and a position does not; both are snapshots of this server. Only a
 * transaction that was open at the position, or began later, is not visible in it. So an old open transaction makes no
 * difference, and few entries are looked up: one of each transaction, because a join would read a bulk of them.
 */
function isMissing(position: SQL, target: SQL): SQL {
  return sql`(exists (
      select from pg_snapshot_xip(${position}) as open (xid), lateral (
        select from revocations where xid = open.xid order by xid limit 1
      ) as written
      where pg_visible_in_snapshot(open.xid, ${target})
    ) or exists (
      select from revocations where xid >= pg_snapshot_xmax(${position}) and xid < pg_snapshot_xmax(${target})
        and pg_visible_in_snapshot(xid, ${target})
    ))`
}

/** Many verifiers have the same position, so each position is compared once. */
const readTargets = hotSql<{ snapshots: string }, TargetState>(
  'read_receipt_targets',
  sql`
    with live as materialized (
      select ${isKnown} as "isKnown", confirmed::text as position from verifiers where ${isLive} group by 1, 2
    ), target as (
      select 0 as place, pg_current_snapshot() as snapshot
      union all
      (select place, given::pg_snapshot
        from json_array_elements_text(${sql.placeholder('snapshots')}::json) with ordinality as given (given, place)
        limit ${sql.raw(`${MOST_TARGETS}`)})
    )
    select ${SERVER_START} as "serverStart", pg_is_in_recovery() as "isStandby", target.snapshot::text as snapshot,
      not exists (
        select from live where not "isKnown" or ${isMissing(sql`position::pg_snapshot`, sql`target.snapshot`)}
      ) as "isComplete"
    from target order by place`,
)

/**
 * An instance renews the leases of its verifiers every five seconds. One that has not for fifteen was killed, or cannot
 * reach Postgres.
 */
const isConnected = sql`disconnected_at is null
  and live_until > now() + make_interval(secs => max_staleness_seconds + ${sql.raw(String(LEASE_SECONDS - 15))})`

const verifierColumns = sql`verifiers.id, verifiers.name, client_id as "clientId", clients.name as "clientName",
  connected_at as "connectedAt", disconnected_at as "disconnectedAt", confirmed_at as "confirmedAt",
  live_until as "liveUntil", server_start <> ${SERVER_START} or confirmed is null as "isStarting",
  ${isConnected} as "isConnected"`

const findLagging = hotSql<
  { snapshot: string; limit: number },
  VerifierRow & { serverStart: string; total: number | null }
>(
  'find_lagging_verifiers',
  sql`
    with target as materialized (select ${sql.placeholder('snapshot')}::pg_snapshot as snapshot)
    select ${SERVER_START} as "serverStart", lagging.*
    from target left join lateral (
      select ${verifierColumns}, (count(*) over ())::int as total
      from verifiers left join clients on clients.id = client_id
      where ${isLive} and (not ${isKnown} or ${isMissing(sql`confirmed`, sql`target.snapshot`)})
      order by confirmed_at nulls first, verifiers.id limit ${sql.placeholder('limit')}
    ) as lagging on true
    order by lagging."confirmedAt" nulls first`,
)

/**
 * The page is cut before its lags are computed. The oldest entry is that of the lowest transaction: of many, only the
 * first is read. The entries of a transaction have the same instant, so one of each is enough; without this limit, a
 * bulk of entries would make the plan read all of them.
 */
const list = hotSql<{ limit: number } & VerifierPlace, VerifierRow & Omit<ListedVerifier, keyof LaggingVerifier>>(
  'list_verifiers',
  sql`
    with page as materialized (
      select * from verifiers
      where connection_id is not null
        and (name, id) > (${sql.placeholder('name')}::text, ${sql.placeholder('id')}::uuid)
      order by name, id limit ${sql.placeholder('limit')}
    )
    select ${verifierColumns}, instance, max_staleness_seconds as "maxStalenessSeconds", ${isLive} as "isLive",
      case when ${isKnown} then coalesce(extract(epoch from clock_timestamp() - missing.since), 0)::float8 end as "lagSeconds"
    from page as verifiers left join clients on clients.id = client_id
    left join lateral (${missingSince(sql`confirmed`)}) as missing on true
    order by verifiers.name, verifiers.id`,
)

/** Instants are texts, as the driver reads them. */
interface VerifierRow {
  id: string
  name: string
  clientId: string | null
  clientName: string | null
  connectedAt: string
  disconnectedAt: string | null
  confirmedAt: string | null
  liveUntil: string
  isStarting: boolean
  isConnected: boolean
}

function toVerifier(row: VerifierRow): LaggingVerifier {
  const { id, name, clientId, clientName, isStarting, isConnected } = row
  return {
    id,
    name,
    clientId,
    clientName,
    isStarting,
    isConnected,
    connectedAt: new Date(row.connectedAt),
    disconnectedAt: instantOf(row.disconnectedAt),
    confirmedAt: instantOf(row.confirmedAt),
    liveUntil: new Date(row.liveUntil),
  }
}

function instantOf(text: string | null): Date | null {
  return text === null ? null : new Date(text)
}
