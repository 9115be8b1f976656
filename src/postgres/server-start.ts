import { sql } from 'drizzle-orm'

/**
 * Since when the transaction ids of this server have had one meaning, in seconds since the epoch as text: the start of
 * the server, or of its last recovery from a crash. When one of its processes crashes, Postgres recovers without a new
 * start, and then gives the ids of transactions again that left nothing on disk, such as one that was rolled back a
 * moment before. The recovery also starts the statistics anew, which is the only trace that every role can read.
 */
export const SERVER_START = sql<string>`extract(epoch from
  greatest(pg_postmaster_start_time(), pg_stat_get_bgwriter_stat_reset_time()))::text`

/**
 * Whether this server was a standby within the last hour. The primary that it followed was the last one that committed
 * what it replayed then, and this instant stays until the server starts again.
 */
export const WAS_STANDBY_LATELY = sql<boolean>`coalesce(
  pg_last_xact_replay_timestamp() > now() - interval '1 hour', false)`
