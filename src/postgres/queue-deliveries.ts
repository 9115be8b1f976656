import { type SQL, sql } from 'drizzle-orm'

/** The lane of the events that belong to no account. */
export const LANE_WITHOUT_USER = '00000000-0000-0000-0000-000000000000'

/**
 * Queues events for every receiver that wants them. A letter has a secret, so it goes only to receivers that name its type. It is a part of each statement that writes events, so an event and
 * its deliveries are committed together.
 *
 * @param events the name of the part of the statement that returns the events, with `id`, `user_id` and `type`
 */
export function queueDeliveries(events: SQL): SQL {
  return sql`
    insert into deliveries (receiver_id, event_id, lane, queued_at, next_attempt_at)
    select receiver.id, written.id, coalesce(written.user_id, ${LANE}), now(), now()
    from ${events} as written join event_receivers as receiver
      on receiver.disabled_at is null and (receiver.types is null and ${isNoLetter(sql`written.type`)} or written.type = any(receiver.types))`
}

/** Whether an event of this type is not a letter. */
export function isNoLetter(type: SQL): SQL {
  return sql`left(${type}, 7) <> 'letter_'`
}

const LANE = sql.raw(`'${LANE_WITHOUT_USER}'::uuid`)
