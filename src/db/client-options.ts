import { readFileSync } from 'node:fs'
import { parsePgArray } from 'drizzle-orm/pg-core'
import type postgres from 'postgres'
import { sessionSettings } from './session-settings.js'

/** What is known of the way to Postgres; all connections of a process share it. */
export interface Route {
  /** Whether a pooler gives each transaction another connection to the server, so that no session is ours. */
  isPooled: boolean
}

export interface ConnectionOptions {
  url: string
  /** Off says that there is a pooler in transaction mode; see {@link Route}. */
  prepare: boolean
  /** Found out by each set of connections for itself if not given. */
  route?: Route
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
  const isPooled = options.route?.isPooled ?? !options.prepare
  return {
    max: 1,
    prepare: options.prepare && !isPooled,
    // Asking the server for the types of arrays would be a statement of postgres.js' own, whose failure nobody can
    // catch. Our tables have one such type, and Drizzle writes its values itself.
    fetch_types: false,
    types: { textArray: { to: TEXT_ARRAY, from: [TEXT_ARRAY], parse: parsePgArray, serialize: String } },
    connect_timeout: Math.min(options.timeoutMs, CONNECT_PATIENCE_MS) / 1000,
    backoff: attempt => Math.min(0.05 * 2 ** attempt, 1),
    ...(options.caFile === undefined ? {} : { ssl: { ca: readFileSync(options.caFile, 'utf8') } }),
    connection: {
      application_name: options.applicationName ?? 'latchkey',
      ...(isPooled ? {} : sessionSettings(options.timeoutMs)),
    },
    onnotice: () => {},
  }
}
