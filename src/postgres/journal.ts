import { REVOCATION_TTL_SECONDS, type Revocation } from '@latchkey/verifier/core'
import { type SQL, sql } from 'drizzle-orm'
import type { JournalPage } from '../revocations/journal-follower.js'
import { standbyAnswered } from './errors.js'
import { hotSql, type Runner } from './pool/connections.js'
import type { revocations } from './schema/revocations.js'
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
  async function readPage(condition: SQL): Promise<JournalPage & { lastId: number }> {
    const [row] = await runner.run(async executor => {
      const read = await executor.execute<PageRow>(pageOf(condition))
      // The connection must not stay with a server that became a standby, or that a name led to for a moment.
      if (read[0]!.isStandby) throw standbyAnswered()
      return read
    })
    const { cursor, serverStart, snapshot, isStandby, wasStandbyLately, clockMs } = row!
    const found: SentEntry[] = JSON.parse(row!.entries ?? '[]')
    return {
      entries: found.map(toRevocation),
      places: found.map(([id, xid]) => ({ id, xid })),
      position: { serverStart, xid: cursor },
      snapshot,
      isStandby,
      wasStandbyLately,
      clockMs: Number(clockMs),
      lastId: found.at(-1)?.[0] ?? 0,
    }
  }

  /**
   * Reads a thousand entries at a time: one result of a hundred thousand would need more memory than the whole list.
   * The position and the snapshot are those of the first statement: the next read finds what commits between two
   * statements, and everything that the snapshot sees is in the page.
   *
   * @throws Error if another server answered meanwhile: it may lack entries that are before the position
   */
  async function read(condition: SQL): Promise<JournalPage> {
    let page = await readPage(condition)
    const { position, snapshot, isStandby, wasStandbyLately, clockMs, entries, places } = page
    while (page.entries.length === PAGE_SIZE) {
      page = await readPage(sql`${condition} and id > ${page.lastId}`)
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
    readAll: () => read(sql`(expires_at is null or expires_at > now())`),

    /** Reads what this and later transactions wrote. Some of it can have been read before. */
    readSince: (xid: string) => read(sql`xid >= ${xid}::xid8`),

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

/**
 * The entries are one text, because a row for each would take several times the memory and the time, which an instance
 * with very many revocations would need at its start. The limit is in the sub-select, where an index has the order.
 * Outside, each page would sort all remaining entries.
 */
function pageOf(condition: SQL): SQL {
  return sql`
    select pg_snapshot_xmin(pg_current_snapshot())::text as cursor, pg_current_snapshot()::text as snapshot,
      ${SERVER_START} as "serverStart", pg_is_in_recovery() as "isStandby", ${WAS_STANDBY_LATELY} as "wasStandbyLately",
      (extract(epoch from clock_timestamp()) * 1000)::text as "clockMs", (
        select json_agg(json_build_array(id, xid::text, kind, subject, bound_version, bound_roles_version,
          ${milliseconds(sql`bound_at`)}, reason, ${milliseconds(sql`expires_at`)}) order by id)
        from (select * from revocations where ${condition} order by id limit ${PAGE_SIZE}) as entry
      )::text as entries`
}

function milliseconds(instant: SQL): SQL {
  return sql`floor(extract(epoch from ${instant}) * 1000)`
}

interface PageRow extends Record<string, unknown> {
  cursor: string
  snapshot: string
  serverStart: string
  isStandby: boolean
  wasStandbyLately: boolean
  clockMs: string
  /** A JSON array of {@link SentEntry}; null if there is none. */
  entries: string | null
}

type EntryRow = typeof revocations.$inferSelect

type SentEntry = [
  id: number,
  xid: string,
  kind: EntryRow['kind'],
  subject: string | null,
  boundVersion: number | null,
  boundRolesVersion: number | null,
  boundAtMs: number | null,
  reason: string,
  expiresAtMs: number | null,
]

function toRevocation(entry: SentEntry): Revocation {
  const [, , kind, givenSubject, belowVersion, belowRolesVersion, boundAtMs, reason, expiresAt] = entry
  const subject = givenSubject ?? ''
  const before = Math.ceil((boundAtMs ?? 0) / 1000)
  if (kind === 'realm') return { kind, before, reason, expiresAt }
  if (kind !== 'user') return { kind, subject, reason, expiresAt }
  if (belowVersion !== null) return { kind, subject, belowVersion, reason, expiresAt }
  const user = { kind, subject, before, reason, expiresAt } as const
  return belowRolesVersion === null ? user : { ...user, belowRolesVersion }
}
