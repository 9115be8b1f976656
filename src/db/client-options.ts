import { readFileSync } from 'node:fs'
import { parsePgArray } from 'drizzle-orm/pg-core'
import type postgres from 'postgres'
import { sessionSettings } from './session-settings.js'

export interface ConnectionOptions {
  url: string
  /** Off behind a pooler in transaction mode, which gives each transaction another server connection. */
  prepare: boolean
  caFile: string | undefined
  /** How long a statement may take, connecting included, before it is given up. */
  timeoutMs: number
  applicationName?: string
}

/** The identifier that Postgres gives `text[]`. */
const TEXT_ARRAY = 1009
/** Connecting takes milliseconds. What takes longer comes from a network that swallows, and others wait behind it. */
const CONNECT_PATIENCE_MS = 2000

/** The options of every postgres.js client of this service. */
export function clientOptions(options: ConnectionOptions): postgres.Options<Record<string, postgres.PostgresType>> {
  return {
    max: 1,
    prepare: options.prepare,
    // Asking the server for the types of arrays would be a statement of postgres.js' own, whose failure nobody can
    // catch. Our tables have one such type, and Drizzle writes its values itself.
    fetch_types: false,
    types: { textArray: { to: TEXT_ARRAY, from: [TEXT_ARRAY], parse: parsePgArray, serialize: String } },
    connect_timeout: Math.min(options.timeoutMs, CONNECT_PATIENCE_MS) / 1000,
    backoff: attempt => Math.min(0.05 * 2 ** attempt, 1),
    ...(options.caFile === undefined ? {} : { ssl: { ca: readFileSync(options.caFile, 'utf8') } }),
    connection: {
      application_name: options.applicationName ?? 'latchkey',
      ...sessionSettings(options.timeoutMs),
    },
    onnotice: () => {},
  }
}
