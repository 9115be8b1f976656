import { sql } from 'drizzle-orm'
import { bigint, boolean, index, integer, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { bytea, instant } from './columns.js'

/** Where security events are sent to: webhooks, the streams of Shared Signals, and the mail server. */
export const eventReceivers = pgTable('event_receivers', {
  id: uuid().primaryKey(),
  /** How its events are sent. */
  kind: text().$type<'webhook' | 'stream' | 'mail'>().notNull(),
  /** The client that owns it; null if it belongs to the operator. */
  clientId: uuid(),
  /** What the kind needs, such as the address; without secrets. */
  settings: jsonb().$type<Record<string, unknown>>().notNull(),
  /** Encrypted with the key that is derived from JWT_SECRET. */
  secrets: bytea().notNull(),
  /** The types of events that it gets; null for all. */
  types: text().array(),
  createdAt: instant().notNull().defaultNow(),
  /** Whether events wait for it and are not sent: it fetches them itself, or has asked for a pause. */
  isHeld: boolean().notNull().default(false),
  /** Since then it gets no events. */
  disabledAt: instant(),
  /** Why it was disabled. */
  disabledReason: text(),
  /** The instance that sends to it, which is the only one until the lease ends. */
  leaseHolder: uuid(),
  leasedUntil: instant(),
  /** When an attempt last succeeded, to the minute. */
  succeededAt: instant(),
  /** How many attempts, for whichever event, have failed since one succeeded. */
  failures: integer().notNull().default(0),
  /** When the first of them failed; null if there are none. */
  failingSince: instant(),
  /** Until then nothing is sent, because too many attempts have failed in a row. */
  pausedUntil: instant(),
})

/**
 * The events that wait to be sent, and those that could not be. A row is written in the transaction of its event, and
 * deleted when the receiver has it. Nothing refers to another table: a foreign key would lock the row of the receiver at
 * every sign-in.
 */
export const deliveries = pgTable(
  'deliveries',
  {
    /** In the order in which the events of one user were written. */
    id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    receiverId: uuid().notNull(),
    /** The security event; with a message, the id of the message. */
    eventId: uuid().notNull(),
    /** What is sent instead of a security event, for example because a receiver asks whether it is reached. */
    message: jsonb().$type<Record<string, unknown>>(),
    /** The parts of it that the receiver has, if it is sent in parts. */
    acknowledged: text().array(),
    /** The events of one lane are sent one after another: those of one user. */
    lane: uuid().notNull(),
    queuedAt: instant().notNull().defaultNow(),
    /** How often it was tried. */
    attempts: integer().notNull().default(0),
    nextAttemptAt: instant().notNull().defaultNow(),
    /** Why the last attempt failed. */
    reason: text(),
    /** When it was given up. */
    abandonedAt: instant(),
  },
  table => [
    index('deliveries_waiting')
      .on(table.receiverId, table.nextAttemptAt, table.id)
      .where(sql`${table.abandonedAt} is null`),
    index('deliveries_in_lane').on(table.receiverId, table.lane, table.id).where(sql`${table.abandonedAt} is null`),
    index('deliveries_abandoned').on(table.receiverId, table.id).where(sql`${table.abandonedAt} is not null`),
  ],
)
