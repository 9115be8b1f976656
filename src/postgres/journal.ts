import { and, getTableColumns, gt, isNull, or, type SQL, sql } from 'drizzle-orm'
import type { JournalPage } from '../revocations/journal-follower.js'
import { REVOCATION_TTL_SECONDS, type Revocation } from '../revocations/revocation.js'
import { hotSql, type Runner } from './pool/connections.js'
import { revocations } from './schema/revocations.js'

/** A revocation as a verb of the domain states it: when it may be forgotten is for the database's clock to say. */
export type NewRevocation = Revocation extends infer Kind
  ? Kind extends Revocation
    ? Omit<Kind, 'expiresAt'>
    : never
  : never

export type Journal = ReturnType<typeof journalRepository>

/** The journal of revocations: what every verifier must refuse, in the order of the transactions that say so. */
export function journalRepository(runner: Runner) {
  /**
   * Reads entries, and in the same statement where the next read must begin: at the oldest transaction that was still
   * open. An entry that commits late has an xid from there on, while its id may lie far behind.
   */
  async function readPage(condition: SQL | undefined): Promise<JournalPage & { lastId: number }> {
    const rows = await runner.run(executor => {
      // Limited in here, where an index has them in order: the join would have all that is left sorted for each page.
      const entry = executor
        .select(entryColumns)
        .from(revocations)
        .where(condition)
        .orderBy(revocations.id)
        .limit(PAGE_SIZE)
        .as('entry')
      return executor
        .select({
          cursor: sql<string>`pg_snapshot_xmin(pg_current_snapshot())::text`,
          serverStart: sql<string>`extract(epoch from pg_postmaster_start_time())::text`,
          isStandby: sql<boolean>`pg_is_in_recovery()`,
          clockMs: sql<string>`(extract(epoch from clock_timestamp()) * 1000)::text`,
          entry: entry._.selectedFields,
        })
        .from(sql`(values (1)) as always`)
        .leftJoin(entry, sql`true`)
        .orderBy(entry.id)
    })
    const { cursor, serverStart, isStandby, clockMs } = rows[0]!
    const entries = rows.flatMap(({ entry }) => (entry === null ? [] : [toRevocation(entry)]))
    const lastId = rows.at(-1)!.entry?.id ?? 0
    return { entries, position: { serverStart, xid: cursor }, isStandby, clockMs: Number(clockMs), lastId }
  }

  /**
   * Reads a thousand entries at a time: as one result, a hundred thousand would take more memory than all that is kept
   * of them. The position is that of the first statement, so what commits between two of them is read with the next.
   *
   * @throws Error if the connection led elsewhere meanwhile: a standby may lack what the position says is known
   */
  async function read(condition: SQL | undefined): Promise<JournalPage> {
    let page = await readPage(condition)
    const { position, isStandby, clockMs, entries } = page
    while (page.entries.length === PAGE_SIZE) {
      page = await readPage(and(condition, gt(revocations.id, page.lastId)))
      if (page.position.serverStart !== position.serverStart) throw new Error('another server answered meanwhile')
      for (const entry of page.entries) entries.push(entry)
    }
    return { entries, position, isStandby, clockMs }
  }

  return {
    /** Writes entries and returns them with their end; call it in the transaction of the change they follow from. */
    async append(entries: readonly NewRevocation[]): Promise<Revocation[]> {
      if (entries.length === 0) return []
      const rows = await runner.hot(append, { entries: JSON.stringify(entries) })
      return entries.map((entry, place) => ({ ...entry, expiresAt: rows[place]!.expiresAt }))
    },

    /** Every entry that still matters. */
    readAll: () => read(or(isNull(revocations.expiresAt), gt(revocations.expiresAt, sql`now()`))),

    /** What transactions from this one on have written; some of it may have been read before. */
    readSince: (xid: string) => read(sql`${revocations.xid} >= ${xid}::xid8`),

    /** Holds off every other instance that would write lost entries again, until the transaction ends. */
    async lockForRepair(): Promise<void> {
      await runner.run(executor => executor.execute(sql`select pg_advisory_xact_lock(${REPAIR_LOCK})`))
    },

    /** Forgets entries whose tokens are all dead; returns how many. */
    async removeExpired(limit: number): Promise<number> {
      const removed = await runner.run(executor =>
        executor.execute(sql`
          delete from revocations where id in (
            select id from revocations where expires_at <= now() order by id limit ${limit} for update skip locked)`),
      )
      return removed.count
    },
  }
}

const PAGE_SIZE = 1000

/** Any number will do, as long as no other program on this database takes it for a lock of its own. */
const REPAIR_LOCK = 7_233_417_023

/**
 * They travel as one JSON text, so that any number of them is one statement. A compromised key stays revoked. All else
 * ends by the clock, not by when the transaction began: no token that is made while it waits for a lock may outlive it.
 */
const append = hotSql<{ entries: string }, { expiresAt: number | null }>(
  'append_revocations',
  sql`
    insert into revocations (kind, subject, bound_version, bound_roles_version, bound_at, reason, expires_at)
    select kind, subject, "belowVersion", "belowRolesVersion", to_timestamp(before), reason,
      case when kind <> 'key' then clock_timestamp() + make_interval(secs => ${sql.raw(`${REVOCATION_TTL_SECONDS}`)}) end
    from json_to_recordset(${sql.placeholder('entries')}::json) as given (kind text, subject text,
      "belowVersion" int, "belowRolesVersion" int, before float8, reason text)
    returning floor(extract(epoch from expires_at) * 1000)::float8 as "expiresAt"`,
)

const { xid: _xid, at: _at, ...entryColumns } = getTableColumns(revocations)

type EntryRow = Omit<typeof revocations.$inferSelect, 'xid' | 'at'>

function toRevocation(row: EntryRow): Revocation {
  const common = { reason: row.reason, expiresAt: row.expiresAt?.getTime() ?? null }
  const subject = row.subject ?? ''
  if (row.kind === 'realm') return { ...common, kind: 'realm', before: inSeconds(row.boundAt) }
  if (row.kind !== 'user') return { ...common, kind: row.kind, subject }
  if (row.boundVersion !== null) return { ...common, kind: 'user', subject, belowVersion: row.boundVersion }
  const user = { ...common, kind: 'user', subject, before: inSeconds(row.boundAt) } as const
  return row.boundRolesVersion === null ? user : { ...user, belowRolesVersion: row.boundRolesVersion }
}

function inSeconds(instant: Date | null): number {
  return Math.ceil((instant?.getTime() ?? 0) / 1000)
}
