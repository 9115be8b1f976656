import { type SQL, sql } from 'drizzle-orm'

/** The lane of the events that belong to no account. */
export const LANE_WITHOUT_USER = '00000000-0000-0000-0000-000000000000'

/**
 * Queues events for every receiver that wants them. It is a part of each statement that writes events, so an event and
 * its deliveries are committed together.
 *
 * @param events the name of the part of the statement that returns the events, with `id`, `user_id` and `type`
 */
export function queueDeliveries(events: SQL): SQL {
  return sql`
    insert into deliveries (receiver_id, event_id, lane, queued_at, next_attempt_at)
    select receiver.id, written.id, coalesce(written.user_id, ${LANE}), now(), now()
    from ${events} as written join event_receivers as receiver
      on receiver.disabled_at is null and (receiver.types is null or written.type = any(receiver.types))`
}

const LANE = sql.raw(`'${LANE_WITHOUT_USER}'::uuid`)
