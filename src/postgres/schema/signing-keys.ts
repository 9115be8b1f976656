import { jsonb, pgTable, text } from 'drizzle-orm/pg-core'
import { bytea, instant } from './columns.js'

export const signingKeys = pgTable('signing_keys', {
  kid: text().primaryKey(),
  alg: text({ enum: ['ES256', 'EdDSA', 'RS256'] }).notNull(),
  publicJwk: jsonb().$type<Record<string, unknown>>().notNull(),
  /** The private key, sealed with AES-256-GCM under a key derived from JWT_SECRET. */
  sealedPrivateKey: bytea().notNull(),
  createdAt: instant().notNull().defaultNow(),
  /** From when on it signs: far enough ahead that every verifier has fetched it before. */
  activeFrom: instant().notNull(),
  /** When the last token it signed is dead; null while it signs. */
  retiresAt: instant(),
  revokedAt: instant(),
})
