import { type SQL, sql } from 'drizzle-orm'

/** The events of a user are sent one after another; each event without a user has a lane of its own. */
export function laneOf(event: SQL): SQL {
  return sql`coalesce(${event}.user_id, ${event}.id)`
}

/**
 * Queues events for every receiver that wants them. A letter has a secret, so it goes only to receivers that name its type.
 * It is a part of each statement that writes events, so an event and its deliveries are committed together.
 *
 * @param events the name of the part of the statement that returns the events, with `id`, `user_id` and `type`
 */
export function queueDeliveries(events: SQL): SQL {
  return sql`
    insert into deliveries (receiver_id, event_id, lane, queued_at, next_attempt_at)
    select receiver.id, written.id, ${laneOf(sql`written`)}, now(), now()
    from ${events} as written join event_receivers as receiver
      on receiver.disabled_at is null and (receiver.types is null and ${isNoLetter(sql`written.type`)} or written.type = any(receiver.types))`
}

/** Whether an event of this type is not a letter. */
export function isNoLetter(type: SQL): SQL {
  return sql`left(${type}, 7) <> 'letter_'`
}
