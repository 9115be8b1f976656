import { REVOCATION_TTL_SECONDS, type Revocation } from '@latchkey/verifier/core'
import { and, getTableColumns, gt, isNull, or, type SQL, sql } from 'drizzle-orm'
import type { JournalPage } from '../revocations/journal-follower.js'
import { standbyAnswered } from './errors.js'
import { hotSql, type Runner } from './pool/connections.js'
import { revocations } from './schema/revocations.js'
import { SERVER_START, WAS_STANDBY_LATELY } from './server-start.js'

/** A revocation from the domain, without its expiry, which the database's clock sets. */
export type NewRevocation = Revocation extends infer Kind
  ? Kind extends Revocation
    ? Omit<Kind, 'expiresAt'>
    : never
  : never

export type Journal = ReturnType<typeof journalRepository>

/** The journal: the table of revocations, which every instance reads in the order of transactions. */
export function journalRepository(runner: Runner) {
  /**
   * Reads entries and, in the same statement, the position for the next read: the oldest transaction that was still
   * open. An entry that is committed later has at least this xid, but its id can be much lower than ids that were read.
   */
  async function readPage(condition: SQL | undefined): Promise<JournalPage & { lastId: number }> {
    const rows = await runner.run(async executor => {
      // The limit is in the sub-select, where an index has the order. Outside, each page would sort all remaining
      // entries.
      const entry = executor
        .select(entryColumns)
        .from(revocations)
        .where(condition)
        .orderBy(revocations.id)
        .limit(PAGE_SIZE)
        .as('entry')
      const read = await executor
        .select({
          cursor: sql<string>`pg_snapshot_xmin(pg_current_snapshot())::text`,
          snapshot: sql<string>`pg_current_snapshot()::text`,
          serverStart: SERVER_START,
          isStandby: sql<boolean>`pg_is_in_recovery()`,
          wasStandbyLately: WAS_STANDBY_LATELY,
          clockMs: sql<string>`(extract(epoch from clock_timestamp()) * 1000)::text`,
          entry: entry._.selectedFields,
        })
        .from(sql`(values (1)) as always`)
        .leftJoin(entry, sql`true`)
        .orderBy(entry.id)
      // The connection must not stay with a server that became a standby, or that a name led to for a moment.
      if (read[0]!.isStandby) throw standbyAnswered()
      return read
    })
    const { cursor, serverStart, snapshot, isStandby, wasStandbyLately, clockMs } = rows[0]!
    const found = rows.flatMap(({ entry }) => (entry === null ? [] : [entry]))
    return {
      entries: found.map(toRevocation),
      places: found.map(({ id, xid }) => ({ id, xid })),
      position: { serverStart, xid: cursor },
      snapshot,
      isStandby,
      wasStandbyLately,
      clockMs: Number(clockMs),
      lastId: found.at(-1)?.id ?? 0,
    }
  }

  /**
   * Reads a thousand entries at a time: one result of a hundred thousand would need more memory than the whole list.
   * The position and the snapshot are those of the first statement: the next read finds what commits between two
   * statements, and everything that the snapshot sees is in the page.
   *
   * @throws Error if another server answered meanwhile: it may lack entries that are before the position
   */
  async function read(condition: SQL | undefined): Promise<JournalPage> {
    let page = await readPage(condition)
    const { position, snapshot, isStandby, wasStandbyLately, clockMs, entries, places } = page
    while (page.entries.length === PAGE_SIZE) {
      page = await readPage(and(condition, gt(revocations.id, page.lastId)))
      if (page.position.serverStart !== position.serverStart) throw new Error('another server answered meanwhile')
      for (const entry of page.entries) entries.push(entry)
      for (const place of page.places) places.push(place)
    }
    return { entries, places, position, snapshot, isStandby, wasStandbyLately, clockMs }
  }

  return {
    /**
     * Writes entries and returns them with their expiry. Call it in the transaction of the change that they result
     * from.
     */
    async append(entries: readonly NewRevocation[]): Promise<Revocation[]> {
      if (entries.length === 0) return []
      const rows = await runner.hot(append, { entries: JSON.stringify(entries) })
      return entries.map((entry, place) => ({ ...entry, expiresAt: rows[place]!.expiresAt }))
    },

    /** Reads every entry that has not expired. */
    readAll: () => read(or(isNull(revocations.expiresAt), gt(revocations.expiresAt, sql`now()`))),

    /** Reads what this and later transactions wrote. Some of it can have been read before. */
    readSince: (xid: string) => read(sql`${revocations.xid} >= ${xid}::xid8`),

    /** Makes other instances that repair lost entries wait until the transaction ends. */
    async lockForRepair(): Promise<void> {
      await runner.run(executor => executor.execute(sql`select pg_advisory_xact_lock(${REPAIR_LOCK})`))
    },

    /** Deletes entries whose tokens have all expired, and returns their number. */
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

/** Any number that no other program uses as an advisory lock in this database. */
const REPAIR_LOCK = 7_233_417_023

/**
 * The entries are one JSON parameter, so that any number of them is the same statement. The entry of a key never
 * expires. For the others the time is that of the clock, not of the start of the transaction: a token that is issued
 * while the transaction waits for a lock must not outlive its entry.
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

const { at: _at, ...entryColumns } = getTableColumns(revocations)

type EntryRow = Omit<typeof revocations.$inferSelect, 'at'>

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
