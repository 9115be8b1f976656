import { integer, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { clients } from './clients.js'
import { instant, pgSnapshot } from './columns.js'

/**
 * The processes of other services that follow the feed of revocations. Receipts wait for those that are live: that can
 * still accept tokens.
 */
export const verifiers = pgTable('verifiers', {
  /** Chosen by the process. */
  id: uuid().primaryKey(),
  /** Null if the client was removed: its processes verify until their bound of staleness is over. */
  clientId: uuid().references(() => clients.id, { onDelete: 'set null' }),
  name: text().notNull(),
  /** The instance that sends it the feed, for operators. */
  instance: text().notNull(),
  /** Its newest connection, whose lease the instance renews; null if the verifier has closed. */
  connectionId: uuid(),
  /** The server on which it was registered: after a failover, instances register their verifiers again. */
  serverStart: text().notNull(),
  maxStalenessSeconds: integer().notNull(),
  connectedAt: instant().notNull(),
  /** When its connection ended; null while it is connected. */
  disconnectedAt: instant(),
  /** From then on it refuses every token, unless it is registered or its lease is renewed before. */
  liveUntil: instant().notNull(),
  /**
   * Until then it may accept tokens because of an earlier connection, which was still open when the newest one was
   * registered: the instance that has it may not know yet that it is over.
   */
  earlierUntil: instant(),
  /** What it has applied: every entry of the journal that this snapshot of this server sees. Null: nothing is known. */
  confirmed: pgSnapshot(),
  confirmedServerStart: text(),
  confirmedAt: instant(),
})
