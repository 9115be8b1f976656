import { type SQL, sql } from 'drizzle-orm'
import type { ReceiverKind } from './event-receivers.js'
import { hotSql, type Runner } from './pool/connections.js'
import { isNoLetter, laneOf } from './queue-deliveries.js'
import type { SecurityEventType } from './security-event-types.js'
import type { SecurityEvent } from './security-events.js'
import { seconds } from './session-facts.js'

/** An event that waits to be sent to a receiver. */
export interface Delivery {
  id: string
  eventId: string
  lane: string
  /** How often it was tried. */
  attempts: number
  /** For how long it has waited. */
  ageSeconds: number
  /** Null if the event was deleted, because its time was over; and with a message. */
  event: SecurityEvent | null
  /** What is sent instead of an event. */
  message: Record<string, unknown> | null
  /** The parts of it that the receiver has; null if it has none. */
  acknowledged: string[] | null
  /** The account of the event as it is now; null if there is none, or if it was deleted. */
  user: DeliveryUser | null
}

export interface DeliveryUser {
  id: string
  email: string
  username: string | null
  externalId: string | null
}

/** An event that was given up after its last attempt. */
export interface AbandonedDelivery {
  id: string
  eventId: string
  type: SecurityEventType | null
  userId: string | null
  queuedAt: Date
  abandonedAt: Date
  attempts: number
  reason: string
}

/** A list of the events of a receiver is counted up to this: an exact count would read every row. */
export const MOST_COUNTED = 10_000

/** How much waits for a receiver. */
export interface Backlog {
  /** Up to {@link MOST_COUNTED}, as `abandoned`. */
  waiting: number
  /** When the oldest event that was counted was queued; null if none waits. */
  oldestAt: Date | null
  abandoned: number
}

/** How much waits for the enabled receivers of a kind, for the metrics. */
export interface MeasuredBacklog {
  kind: ReceiverKind
  waiting: number
  /** 0 if none waits. */
  oldestSeconds: number
  abandoned: number
}

export type Deliveries = ReturnType<typeof deliveriesRepository>

/** The events that wait to be sent. Only the instance with the lease of a receiver changes what waits for it. */
export function deliveriesRepository(runner: Runner) {
  return {
    /** The first event of each lane whose time has come, those that have waited longest first. */
    async due(receiverId: string, limit: number): Promise<Delivery[]> {
      const rows = await runner.hot(due, { receiverId, limit })
      return rows.map(toDelivery)
    },

    /** Gives events that come after one that waits in their lane its time, so that they are not looked at until then. */
    async waitForEarlier(receiverId: string): Promise<void> {
      await runner.hot(waitForEarlier, { receiverId })
    },

    /** The next event of a lane, if its time has come. */
    async nextInLane(receiverId: string, lane: string): Promise<Delivery | undefined> {
      const [row] = await runner.hot(nextInLane, { receiverId, lane })
      return row && toDelivery(row)
    },

    /**
     * Deletes those that their receivers have.
     *
     * @returns the ids of those with a later event in their lane
     */
    async complete(ids: readonly string[]): Promise<Set<string>> {
      const rows = await runner.hot(complete, { ids: `{${ids.join(',')}}` })
      return new Set(rows.filter(({ hasLater }) => hasLater).map(({ id }) => id))
    },

    /** Deletes one that its receiver has after failed attempts; the later events of its lane, which waited for it, become due. */
    async completeRetried(id: string): Promise<void> {
      await runner.hot(completeRetried, { id })
    },

    /** Tries it again after this time; the later events of its lane wait for it. */
    async postpone(id: string, forSeconds: number, reason: string): Promise<void> {
      await runner.hot(postpone, { id, forSeconds, reason })
    },

    /** Gives it up, so that the later events of its lane can be sent. */
    async abandon(id: string, reason: string): Promise<void> {
      await runner.hot(abandon, { id, reason })
    },

    /** Queues a message that is no event. It does not wait for events, nor they for it. */
    async addMessage(receiverId: string, id: string, message: Record<string, unknown>): Promise<void> {
      await runner.run(executor =>
        executor.execute(sql`
          insert into deliveries (receiver_id, event_id, lane, message, queued_at, next_attempt_at)
          values (${receiverId}, ${id}, ${receiverId}, ${JSON.stringify(message)}::jsonb, now(), now())`),
      )
    },

    /** What waits for a receiver that fetches it, in the order in which it was queued. */
    async waiting(receiverId: string, limit: number): Promise<Delivery[]> {
      const rows = await runner.hot(waiting, { receiverId, limit })
      return rows.map(toDelivery)
    },

    /** What waits for a receiver and has one of these ids of events or messages. */
    async ofEvents(receiverId: string, eventIds: readonly string[]): Promise<Delivery[]> {
      const rows = await runner.hot(ofEvents, { receiverId, eventIds: `{${eventIds.join(',')}}` })
      return rows.map(toDelivery)
    },

    /** Records the parts that the receiver has. */
    async acknowledge(id: string, parts: readonly string[]): Promise<void> {
      await runner.hot(acknowledge, { id, parts: `{${parts.join(',')}}` })
    },

    /** Which of these receivers have something that waits. */
    async receiversWithWaiting(receiverIds: readonly string[]): Promise<string[]> {
      const rows = await runner.hot(receiversWithWaiting, { receiverIds: `{${receiverIds.join(',')}}` })
      return rows.map(({ receiverId }) => receiverId)
    },

    /** Everything that waits for it is tried again now. */
    async hasten(receiverId: string): Promise<void> {
      await runner.hot(hasten, { receiverId })
    },

    /** How much waits for each of these receivers. */
    async backlogs(receiverIds: readonly string[]): Promise<Map<string, Backlog>> {
      const rows = await runner.hot(backlogs, { receiverIds: `{${receiverIds.join(',')}}` })
      return new Map(
        rows.map(({ receiverId, oldestAt, ...counts }) => [
          receiverId,
          { ...counts, oldestAt: oldestAt === null ? null : new Date(oldestAt) },
        ]),
      )
    },

    /** How much waits for the enabled receivers of each kind. */
    async measure(): Promise<MeasuredBacklog[]> {
      return runner.hot(measure, {})
    },

    /** What was given up, the latest first, before this id. */
    async abandoned(receiverId: string, limit: number, beforeId: string | undefined): Promise<AbandonedDelivery[]> {
      const rows = await runner.hot(abandoned, { receiverId, limit, beforeId: beforeId ?? null })
      return rows.map(row => ({ ...row, queuedAt: new Date(row.queuedAt), abandonedAt: new Date(row.abandonedAt) }))
    },

    /** Queues again a part of what was given up and still has its event, and returns how much it was. */
    async retryAbandoned(receiverId: string, limit: number): Promise<number> {
      const retried = await runner.run(executor =>
        executor.execute(sql`
          update deliveries set abandoned_at = null, attempts = 0, queued_at = now(), next_attempt_at = now()
          where id in (select delivery.id from deliveries as delivery
            where receiver_id = ${receiverId} and abandoned_at is not null
              and exists (select from security_events as event where event.id = delivery.event_id)
            order by delivery.id limit ${limit})`),
      )
      return retried.count
    },

    /**
     * Queues again the events of these types of a span of time, without those that wait: a part, in the order of the
     * events. Give `next` to the call for the part after it.
     */
    async replay(replay: Replay): Promise<ReplayedPart> {
      const [row] = await runner.run(executor => executor.execute<ReplayRow>(replayPart(replay)))
      const { queued, seen, until, at, id } = row!
      return { queued, next: seen < replay.limit || at === null || id === null ? undefined : { at, id, until } }
    },

    /** Deletes a part of what belongs to a receiver, and returns how much it was. */
    async removeOf(receiverId: string, limit: number): Promise<number> {
      const removed = await runner.run(executor =>
        executor.execute(sql`
          delete from deliveries where id in (
            (select id from deliveries where receiver_id = ${receiverId} and abandoned_at is null limit ${limit})
            union all
            (select id from deliveries where receiver_id = ${receiverId} and abandoned_at is not null limit ${limit}))`),
      )
      return removed.count
    },

    /** Deletes those of the oldest that are older than this, and so have lost their event; returns their number. */
    async removeOlderThan(ageSeconds: number, limit: number): Promise<number> {
      const removed = await runner.run(executor =>
        executor.execute(sql`
          with oldest as (select id from deliveries order by id limit ${limit} for update skip locked)
          delete from deliveries using oldest
          where deliveries.id = oldest.id and queued_at < now() - ${seconds(ageSeconds)}`),
      )
      return removed.count
    },
  }
}

export interface Replay {
  receiverId: string
  /** Null for all. */
  types: readonly SecurityEventType[] | null
  from: { since: Date } | ReplayPosition
  limit: number
}

/** How far a replay is. Instants are text, because a Date has no microseconds. */
export interface ReplayPosition {
  /** Of the last event that was looked at, which may be deleted by now. */
  at: string
  id: string
  /** When the replay began: later events are queued anyway. */
  until: string
}

export interface ReplayedPart {
  queued: number
  /** Undefined after the last part. */
  next: ReplayPosition | undefined
}

type ReplayRow = { seen: number; queued: number; until: string; at: string | null; id: string | null }

function replayPart({ receiverId, types, from, limit }: Replay): SQL {
  const isInSpan =
    'since' in from
      ? sql`at >= ${from.since.toISOString()}::timestamptz and at < now()`
      : sql`at >= ${from.at}::timestamptz and (at, id) > (${from.at}::timestamptz, ${from.id}::uuid)
          and at < ${from.until}::timestamptz`
  const isWanted = types === null ? isNoLetter(sql`type`) : sql`type = any(${`{${types.join(',')}}`}::text[])`
  return sql`
    with part as (
      select id, user_id, at, type from security_events where ${isInSpan} order by at, id limit ${limit}
    ), queued as (
      insert into deliveries (receiver_id, event_id, lane, queued_at, next_attempt_at)
      select ${receiverId}::uuid, part.id, ${laneOf(sql`part`)}, now(), now()
      from part
      where ${isWanted} and not exists (select from deliveries as waiting
        where waiting.receiver_id = ${receiverId}::uuid and waiting.lane = ${laneOf(sql`part`)}
          and waiting.event_id = part.id and waiting.abandoned_at is null)
      order by part.at, part.id
      returning 1
    ), last as (select at, id from part order by at desc, id desc limit 1)
    select (select count(*)::int from part) as seen, (select count(*)::int from queued) as queued,
      ${'since' in from ? sql`now()::text` : sql`${from.until}::text`} as until,
      (select at::text from last) as at, (select id from last) as id`
}

const given = sql.placeholder

/** As JSON, because the driver returns the instants of plain SQL as text, and only some rows have an event. */
const deliveryColumns = sql`delivery.id, delivery.event_id as "eventId", delivery.lane, delivery.attempts,
  delivery.message, delivery.acknowledged,
  extract(epoch from now() - delivery.queued_at)::float8 as "ageSeconds",
  case when event.id is not null then json_build_object('id', event.id, 'at', event.at, 'userId', event.user_id,
    'sessionId', event.session_id, 'type', event.type, 'actor', event.actor, 'ip', event.ip,
    'userAgent', event.user_agent, 'details', event.details) end as event,
  case when account.id is not null then json_build_object('id', account.id, 'email', account.email,
    'username', account.username, 'externalId', account.external_id) end as "user"`

const itsEvent = sql`left join security_events as event on event.id = delivery.event_id
  left join users as account on account.id = event.user_id`

/**
 * The first event of its lane. It names all columns of the index in its order, because nothing else is fast: the table is
 * mostly empty, so its statistics say so, and Postgres would read all that waits once for each row.
 */
const firstInLane = sql`select first.id, first.attempts, first.next_attempt_at from deliveries as first
  where first.receiver_id = delivery.receiver_id and first.lane = delivery.lane and first.abandoned_at is null
  order by first.receiver_id, first.lane, first.id limit 1`

const due = hotSql<{ receiverId: string; limit: number }, DeliveryRow>(
  'due_deliveries',
  sql`
    with due as (
      select * from deliveries as delivery
      where receiver_id = ${given('receiverId')}::uuid and abandoned_at is null and next_attempt_at <= now()
        and id = (select id from (${firstInLane}) as first)
      order by next_attempt_at, id limit ${given('limit')}
    )
    select ${deliveryColumns} from due as delivery ${itsEvent} order by delivery.next_attempt_at, delivery.id`,
)

const waitForEarlier = hotSql<{ receiverId: string }, never>(
  'let_deliveries_wait_for_earlier_ones',
  sql`
    update deliveries set next_attempt_at = waiting.first_at
    from (
      select delivery.id, first.next_attempt_at as first_at
      from deliveries as delivery cross join lateral (${firstInLane}) as first
      where delivery.receiver_id = ${given('receiverId')}::uuid and delivery.abandoned_at is null
        and delivery.next_attempt_at <= now()
        and first.id < delivery.id and first.attempts > 0 and first.next_attempt_at > now()
    ) as waiting
    where deliveries.id = waiting.id`,
)

const nextInLane = hotSql<{ receiverId: string; lane: string }, DeliveryRow>(
  'next_delivery_in_lane',
  sql`
    with next as (
      select * from deliveries
      where receiver_id = ${given('receiverId')}::uuid and lane = ${given('lane')}::uuid and abandoned_at is null
      order by receiver_id, lane, id limit 1
    )
    select ${deliveryColumns} from next as delivery ${itsEvent} where delivery.next_attempt_at <= now()`,
)

const waiting = hotSql<{ receiverId: string; limit: number }, DeliveryRow>(
  'waiting_deliveries',
  sql`
    with delivery as (
      select * from deliveries where receiver_id = ${given('receiverId')}::uuid and abandoned_at is null
      order by next_attempt_at, id limit ${given('limit')}
    )
    select ${deliveryColumns} from delivery ${itsEvent} order by delivery.next_attempt_at, delivery.id`,
)

/** By the lane, because there is no index of the ids of events. */
const ofEvents = hotSql<{ receiverId: string; eventIds: string }, DeliveryRow>(
  'deliveries_of_events',
  sql`
    with named as (
      select given.id, case when event.id is null then ${given('receiverId')}::uuid
        else ${laneOf(sql`event`)} end as lane
      from unnest(${given('eventIds')}::uuid[]) as given (id) left join security_events as event on event.id = given.id
    ), delivery as (
      select deliveries.* from named join deliveries on deliveries.receiver_id = ${given('receiverId')}::uuid
        and deliveries.lane = named.lane and deliveries.event_id = named.id and deliveries.abandoned_at is null
    )
    select ${deliveryColumns} from delivery ${itsEvent}`,
)

const acknowledge = hotSql<{ id: string; parts: string }, never>(
  'acknowledge_delivery',
  sql`update deliveries set acknowledged = ${given('parts')}::text[] where id = ${given('id')}::bigint`,
)

const receiversWithWaiting = hotSql<{ receiverIds: string }, { receiverId: string }>(
  'receivers_with_deliveries',
  sql`
    select given.id as "receiverId" from unnest(${given('receiverIds')}::uuid[]) as given (id)
    where exists (select from deliveries where receiver_id = given.id and abandoned_at is null)`,
)

/** Small, because Postgres plans it again each time: with an array, that is cheaper than a plan for every array. */
const complete = hotSql<{ ids: string }, { id: string; hasLater: boolean }>(
  'complete_deliveries',
  sql`
    delete from deliveries where id = any(${given('ids')}::bigint[])
    returning id, (select later.id from deliveries as later
      where later.receiver_id = deliveries.receiver_id and later.lane = deliveries.lane and later.abandoned_at is null
        and later.id > deliveries.id
      order by later.receiver_id, later.lane, later.id limit 1) is not null as "hasLater"`,
)

const completeRetried = hotSql<{ id: string }, never>(
  'complete_retried_delivery',
  sql`
    with removed as (
      delete from deliveries where id = ${given('id')}::bigint returning id, receiver_id, lane
    )
    update deliveries set next_attempt_at = now()
    from removed
    where deliveries.receiver_id = removed.receiver_id and deliveries.lane = removed.lane and deliveries.id > removed.id
      and deliveries.abandoned_at is null`,
)

/** The later events of the lane get the same time, so that they are not looked at until then. */
const postpone = hotSql<{ id: string; forSeconds: number; reason: string }, never>(
  'postpone_delivery',
  sql`
    with first as (
      update deliveries set attempts = attempts + 1, reason = ${given('reason')}::text,
        next_attempt_at = now() + ${seconds(given('forSeconds'))}
      where id = ${given('id')}::bigint
      returning id, receiver_id, lane, next_attempt_at
    )
    update deliveries set next_attempt_at = first.next_attempt_at
    from first
    where deliveries.receiver_id = first.receiver_id and deliveries.lane = first.lane and deliveries.id > first.id
      and deliveries.abandoned_at is null and deliveries.next_attempt_at < first.next_attempt_at`,
)

const abandon = hotSql<{ id: string; reason: string }, never>(
  'abandon_delivery',
  sql`
    with given_up as (
      update deliveries set attempts = attempts + 1, reason = ${given('reason')}::text, abandoned_at = now()
      where id = ${given('id')}::bigint
      returning id, receiver_id, lane
    )
    update deliveries set next_attempt_at = now()
    from given_up
    where deliveries.receiver_id = given_up.receiver_id and deliveries.lane = given_up.lane
      and deliveries.id > given_up.id and deliveries.abandoned_at is null`,
)

const hasten = hotSql<{ receiverId: string }, never>(
  'hasten_deliveries',
  sql`
    update deliveries set next_attempt_at = now()
    where receiver_id = ${given('receiverId')}::uuid and abandoned_at is null and next_attempt_at > now()`,
)

/** Those that were never tried come first, the oldest of them first. */
const countBacklog = (receiverId: SQL) => sql`
  (select count(*)::int as waiting, min(queued_at) as oldest_at
    from (select queued_at from deliveries where receiver_id = ${receiverId} and abandoned_at is null
      order by next_attempt_at, id limit ${MOST}) as counted) as backlog
  cross join lateral (select count(*)::int as abandoned
    from (select from deliveries where receiver_id = ${receiverId} and abandoned_at is not null limit ${MOST}) as counted
  ) as given_up`

const MOST = sql.raw(String(MOST_COUNTED))

const backlogs = hotSql<
  { receiverIds: string },
  Omit<Backlog, 'oldestAt'> & { receiverId: string; oldestAt: string | null }
>(
  'delivery_backlogs',
  sql`
    select given.id as "receiverId", waiting, oldest_at as "oldestAt", abandoned
    from unnest(${given('receiverIds')}::uuid[]) as given (id) cross join lateral ${countBacklog(sql`given.id`)}`,
)

const measure = hotSql<Record<string, never>, MeasuredBacklog>(
  'measure_deliveries',
  sql`
    select receiver.kind, sum(waiting)::int as waiting,
      coalesce(extract(epoch from now() - min(oldest_at)), 0)::float8 as "oldestSeconds", sum(abandoned)::int as abandoned
    from event_receivers as receiver cross join lateral ${countBacklog(sql`receiver.id`)}
    where receiver.disabled_at is null group by receiver.kind`,
)

const abandoned = hotSql<
  { receiverId: string; limit: number; beforeId: string | null },
  Omit<AbandonedDelivery, 'queuedAt' | 'abandonedAt'> & { queuedAt: string; abandonedAt: string }
>(
  'abandoned_deliveries',
  sql`
    select delivery.id, delivery.event_id as "eventId", event.type, event.user_id as "userId",
      delivery.queued_at as "queuedAt", delivery.abandoned_at as "abandonedAt", delivery.attempts, delivery.reason
    from deliveries as delivery left join security_events as event on event.id = delivery.event_id
    where delivery.receiver_id = ${given('receiverId')}::uuid and delivery.abandoned_at is not null
      and (${given('beforeId')}::bigint is null or delivery.id < ${given('beforeId')}::bigint)
    order by delivery.id desc limit ${given('limit')}`,
)

interface DeliveryRow extends Omit<Delivery, 'event'> {
  event: (Omit<SecurityEvent, 'at'> & { at: string }) | null
}

function toDelivery({ event, ...row }: DeliveryRow): Delivery {
  return { ...row, event: event && { ...event, at: new Date(event.at) } }
}
