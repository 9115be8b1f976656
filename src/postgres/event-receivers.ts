import { and, asc, eq, getTableColumns, isNull, sql } from 'drizzle-orm'
import { hotSql, type Runner } from './pool/connections.js'
import { eventReceivers } from './schema/deliveries.js'
import type { SecurityEventType } from './security-event-types.js'
import { idArray, seconds } from './session-facts.js'

type Row = typeof eventReceivers.$inferSelect
export type ReceiverKind = Row['kind']

export interface EventReceiver extends Omit<Row, 'types' | 'leaseHolder' | 'leasedUntil'> {
  types: SecurityEventType[] | null
}

export interface NewEventReceiver {
  id: string
  kind: ReceiverKind
  /** The client that owns it; by default it belongs to the operator. */
  clientId?: string
  settings: Record<string, unknown>
  isHeld?: boolean
  /** Encrypted. */
  secrets: Buffer
  types: readonly SecurityEventType[] | null
}

/** What can be changed. What is undefined stays as it is. */
export interface ReceiverChanges {
  /** With new settings, its failures are forgotten: it may be another server. */
  settings?: Record<string, unknown> | undefined
  secrets?: Buffer | undefined
  types?: readonly SecurityEventType[] | null | undefined
  isHeld?: boolean | undefined
}

export type EventReceivers = ReturnType<typeof eventReceiversRepository>

/** Where security events are sent to, and which instance sends them. */
export function eventReceiversRepository(runner: Runner) {
  const { leaseHolder: _holder, leasedUntil: _until, ...columns } = getTableColumns(eventReceivers)
  const toReceiver = (row: Omit<Row, 'leaseHolder' | 'leasedUntil'>) => row as EventReceiver

  return {
    async create({ types, ...receiver }: NewEventReceiver): Promise<EventReceiver> {
      const values = { ...receiver, types: types && [...types], createdAt: sql`now()` }
      const [created] = await runner.run(executor => executor.insert(eventReceivers).values(values).returning(columns))
      return toReceiver(created!)
    },

    /** Creates it with these types, or gives it these types, and enables it. */
    async ensure({ types, ...receiver }: NewEventReceiver): Promise<void> {
      const values = { types: types && [...types], disabledAt: null, disabledReason: null }
      await runner.run(executor =>
        executor
          .insert(eventReceivers)
          .values({ ...receiver, ...values, createdAt: sql`now()` })
          .onConflictDoUpdate({ target: eventReceivers.id, set: values }),
      )
    },

    /** Whether some receiver names this type. */
    async isNamed(type: SecurityEventType): Promise<boolean> {
      const [row] = await runner.hot(isNamed, { type })
      return row!.named
    },

    /** In the order of their creation. */
    async all(kind: ReceiverKind): Promise<EventReceiver[]> {
      const rows = await runner.run(executor =>
        executor
          .select(columns)
          .from(eventReceivers)
          .where(eq(eventReceivers.kind, kind))
          .orderBy(asc(eventReceivers.createdAt), asc(eventReceivers.id)),
      )
      return rows.map(toReceiver)
    },

    /** Until the transaction ends, no other one passes this for the same client: so what it counts is still right. */
    async lockOfClient(clientId: string): Promise<void> {
      await runner.run(executor =>
        executor.execute(sql`select pg_advisory_xact_lock(${CLIENT_LOCK}::int, hashtext(${clientId}))`),
      )
    },

    /** Those of a client, in the order of their creation. */
    async ofClient(clientId: string): Promise<EventReceiver[]> {
      const rows = await runner.run(executor =>
        executor
          .select(columns)
          .from(eventReceivers)
          .where(eq(eventReceivers.clientId, clientId))
          .orderBy(asc(eventReceivers.createdAt), asc(eventReceivers.id)),
      )
      return rows.map(toReceiver)
    },

    /** The same as `find`, and nobody else changes it until the transaction ends. */
    async lock(id: string): Promise<EventReceiver | undefined> {
      const [row] = await runner.run(executor =>
        executor.select(columns).from(eventReceivers).where(eq(eventReceivers.id, id)).for('no key update'),
      )
      return row && toReceiver(row)
    },

    /** Those of a kind that fetch their events and have not done so for this time, and are not disabled. */
    async unused(kind: ReceiverKind, forSeconds: number): Promise<EventReceiver[]> {
      const rows = await runner.run(executor =>
        executor
          .select(columns)
          .from(eventReceivers)
          .where(
            and(
              eq(eventReceivers.kind, kind),
              isNull(eventReceivers.disabledAt),
              sql`${eventReceivers.settings} ->> 'method' = 'poll'`,
              sql`coalesce(${eventReceivers.succeededAt}, ${eventReceivers.createdAt}) < now() - ${seconds(forSeconds)}`,
            ),
          ),
      )
      return rows.map(toReceiver)
    },

    /** Why what waits for each of these receivers last failed, or else why something was last given up; none for others. */
    async lastErrors(ids: readonly string[]): Promise<Map<string, string>> {
      const rows = await runner.hot(lastErrors, { ids: idArray(ids) })
      return new Map(rows.map(({ id, reason }) => [id, reason]))
    },

    async find(id: string): Promise<EventReceiver | undefined> {
      const [row] = await runner.run(executor =>
        executor.select(columns).from(eventReceivers).where(eq(eventReceivers.id, id)),
      )
      return row && toReceiver(row)
    },

    /** Undefined if it does not exist. */
    async change(id: string, { types, settings, ...rest }: ReceiverChanges): Promise<EventReceiver | undefined> {
      const values = {
        ...rest,
        ...(types !== undefined && { types: types && [...types] }),
        ...(settings !== undefined && { settings, ...WITHOUT_FAILURES }),
      }
      if (Object.values(values).every(value => value === undefined)) return this.find(id)
      const [row] = await runner.run(executor =>
        executor.update(eventReceivers).set(values).where(eq(eventReceivers.id, id)).returning(columns),
      )
      return row && toReceiver(row)
    },

    /** The secrets of all receivers, of every kind. */
    async allSecrets(): Promise<{ id: string; secrets: Buffer }[]> {
      const { id, secrets } = eventReceivers
      return runner.run(executor => executor.select({ id, secrets }).from(eventReceivers))
    },

    /** Replaces the secrets, if they are still those of before. False if they are not. */
    async replaceSecrets(id: string, before: Buffer, after: Buffer): Promise<boolean> {
      const replaced = await runner.run(executor =>
        executor
          .update(eventReceivers)
          .set({ secrets: after })
          .where(and(eq(eventReceivers.id, id), eq(eventReceivers.secrets, before)))
          .returning({ id: eventReceivers.id }),
      )
      return replaced.length > 0
    },

    /** From now on it gets no further events, and those that wait are not sent. False if it was disabled before. */
    async disable(id: string, reason: string): Promise<boolean> {
      const disabled = await runner.run(executor =>
        executor.execute(sql`
          update event_receivers set disabled_at = now(), disabled_reason = ${reason}
          where id = ${id} and disabled_at is null`),
      )
      return disabled.count > 0
    },

    /** Sends to it again. Undefined if it does not exist. */
    async enable(id: string): Promise<EventReceiver | undefined> {
      const [row] = await runner.run(executor =>
        executor
          .update(eventReceivers)
          .set({ disabledAt: null, disabledReason: null, ...WITHOUT_FAILURES })
          .where(eq(eventReceivers.id, id))
          .returning(columns),
      )
      return row && toReceiver(row)
    },

    /** Deletes it, but not what waits for it. False if it does not exist. */
    async remove(id: string): Promise<boolean> {
      const removed = await runner.run(executor =>
        executor.delete(eventReceivers).where(eq(eventReceivers.id, id)).returning({ id: eventReceivers.id }),
      )
      return removed.length > 0
    },

    /** Deletes those of a client, but not what waits for them, and returns their ids. */
    async removeOfClient(clientId: string): Promise<string[]> {
      const removed = await runner.run(executor =>
        executor
          .delete(eventReceivers)
          .where(eq(eventReceivers.clientId, clientId))
          .returning({ id: eventReceivers.id }),
      )
      return removed.map(({ id }) => id)
    },

    /**
     * Takes the lease of a receiver for which something is due and that no other instance sends to. Undefined if there is
     * none.
     */
    async claim(holder: string, leaseSeconds: number): Promise<EventReceiver | undefined> {
      const [row] = await runner.hot(claim, { holder, leaseSeconds })
      return row && toClaimed(row)
    },

    /** The receiver as it is now. Undefined if it was removed, disabled or held, or another instance has the lease. */
    async renew(id: string, holder: string, leaseSeconds: number): Promise<EventReceiver | undefined> {
      const [row] = await runner.hot(renew, { id, holder, leaseSeconds })
      return row && toClaimed(row)
    },

    async release(id: string, holder: string): Promise<void> {
      await runner.hot(release, { id, holder })
    },

    /**
     * Records that an attempt succeeded. If at least `outageFailures` had failed in a row before, everything that waits for
     * the receiver becomes due at once.
     */
    async succeeded(id: string, outageFailures: number): Promise<void> {
      await runner.hot(succeeded, { id, outageFailures })
    },

    /**
     * Counts an attempt that failed, and returns how many have failed in a row, and for how long. Undefined if the receiver
     * was removed, or has other settings by now, and so perhaps another address.
     */
    async failed({
      id,
      settings,
    }: Pick<EventReceiver, 'id' | 'settings'>): Promise<{ failures: number; failingForSeconds: number } | undefined> {
      const [row] = await runner.hot(failed, { id, settings: JSON.stringify(settings) })
      return row
    },

    /** Sends nothing for this time, or longer if it is paused for longer already. */
    async pause(id: string, forSeconds: number): Promise<void> {
      await runner.hot(pause, { id, forSeconds })
    },
  }
}

/** Any number that no other program uses as the first one of an advisory lock in this database. */
const CLIENT_LOCK = 1_284_530_771

const WITHOUT_FAILURES = { failures: 0, failingSince: null, pausedUntil: null }

const given = sql.placeholder

const receiverColumns = sql`id, kind, client_id as "clientId", settings, secrets, types, is_held as "isHeld",
  created_at as "createdAt", disabled_at as "disabledAt", disabled_reason as "disabledReason",
  succeeded_at as "succeededAt", failures, failing_since as "failingSince", paused_until as "pausedUntil"`

const claim = hotSql<{ holder: string; leaseSeconds: number }, ClaimedRow>(
  'claim_event_receiver',
  sql`
    update event_receivers set lease_holder = ${given('holder')}::uuid,
      leased_until = now() + ${seconds(given('leaseSeconds'))}
    where id = (
      select receiver.id from event_receivers as receiver
      where disabled_at is null and not is_held and (leased_until is null or leased_until <= now())
        and (paused_until is null or paused_until <= now())
        and exists (select from deliveries
          where receiver_id = receiver.id and abandoned_at is null and next_attempt_at <= now())
      order by leased_until nulls first
      limit 1 for update skip locked)
    returning ${receiverColumns}`,
)

const isNamed = hotSql<{ type: string }, { named: boolean }>(
  'is_type_named_by_receiver',
  sql`select exists (select from event_receivers where disabled_at is null and ${given('type')} = any(types)) as named`,
)

/** What failed waits longest; those of its lane that were never tried wait as long, so some are looked at. */
const lastErrors = hotSql<{ ids: string }, { id: string; reason: string }>(
  'last_errors_of_receivers',
  sql`
    select given.id, coalesce(waiting.reason, given_up.reason) as reason
    from unnest(${given('ids')}::uuid[]) as given (id)
    left join lateral (select reason from (
        select reason from deliveries where receiver_id = given.id and abandoned_at is null
        order by next_attempt_at desc, id desc limit 1000) as latest
      where reason is not null limit 1) as waiting on true
    left join lateral (select reason from deliveries where receiver_id = given.id and abandoned_at is not null
      order by id desc limit 1) as given_up on true
    where coalesce(waiting.reason, given_up.reason) is not null`,
)

const isLeased = sql`id = ${given('id')}::uuid and lease_holder = ${given('holder')}::uuid`

const renew = hotSql<{ id: string; holder: string; leaseSeconds: number }, ClaimedRow>(
  'renew_event_receiver',
  sql`
    update event_receivers set leased_until = now() + ${seconds(given('leaseSeconds'))}
    where ${isLeased} and disabled_at is null and not is_held and (paused_until is null or paused_until <= now())
    returning ${receiverColumns}`,
)

const release = hotSql<{ id: string; holder: string }, never>(
  'release_event_receiver',
  sql`update event_receivers set lease_holder = null, leased_until = null where ${isLeased}`,
)

const succeeded = hotSql<{ id: string; outageFailures: number }, never>(
  'event_receiver_succeeded',
  sql`
    with receiver as (
      update event_receivers set succeeded_at = now(), failures = 0, failing_since = null, paused_until = null
      where id = ${given('id')}::uuid
        and (failures > 0 or succeeded_at is null or succeeded_at < now() - interval '1 minute')
      returning id, (select earlier.failures from event_receivers as earlier where earlier.id = event_receivers.id)
        as earlier_failures
    )
    update deliveries set next_attempt_at = now()
    from receiver
    where receiver.earlier_failures >= ${given('outageFailures')}::int and deliveries.receiver_id = receiver.id
      and abandoned_at is null and next_attempt_at > now()`,
)

const failed = hotSql<{ id: string; settings: string }, { failures: number; failingForSeconds: number }>(
  'event_receiver_failed',
  sql`
    update event_receivers set failures = failures + 1, failing_since = coalesce(failing_since, now())
    where id = ${given('id')}::uuid and settings = ${given('settings')}::jsonb
    returning failures, extract(epoch from now() - failing_since)::float8 as "failingForSeconds"`,
)

const pause = hotSql<{ id: string; forSeconds: number }, never>(
  'pause_event_receiver',
  sql`
    update event_receivers set paused_until = greatest(paused_until, now() + ${seconds(given('forSeconds'))})
    where id = ${given('id')}::uuid`,
)

/** The driver returns the instants of plain SQL as text. */
type Instants = 'createdAt' | 'disabledAt' | 'succeededAt' | 'failingSince' | 'pausedUntil'
type ClaimedRow = Omit<EventReceiver, Instants> & { [Name in Instants]: string | null }

function toClaimed(row: ClaimedRow): EventReceiver {
  const date = (text: string | null) => (text === null ? null : new Date(text))
  return {
    ...row,
    createdAt: new Date(row.createdAt!),
    disabledAt: date(row.disabledAt),
    succeededAt: date(row.succeededAt),
    failingSince: date(row.failingSince),
    pausedUntil: date(row.pausedUntil),
  }
}
