import { jsonb, pgTable, text } from 'drizzle-orm/pg-core'
import { bytea, instant } from './columns.js'

export const signingKeys = pgTable('signing_keys', {
  kid: text().primaryKey(),
  alg: text({ enum: ['ES256', 'EdDSA', 'RS256'] }).notNull(),
  publicJwk: jsonb().$type<Record<string, unknown>>().notNull(),
  /** The private key, encrypted with AES-256-GCM under a key derived from JWT_SECRET. */
  sealedPrivateKey: bytea().notNull(),
  createdAt: instant().notNull().defaultNow(),
  /** When it starts to sign: late enough that every verifier has fetched it before. */
  activeFrom: instant().notNull(),
  /** When the last token that it signed has expired; null while it signs. */
  retiresAt: instant(),
  revokedAt: instant(),
})
