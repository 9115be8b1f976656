import { sql } from 'drizzle-orm'
import { clientsRepository } from './clients.js'
import { deviceFailuresRepository } from './device-failures.js'
import { expiredSessionsRepository } from './expired-sessions.js'
import { introspectionRepository } from './introspection.js'
import { type Journal, journalRepository } from './journal.js'
import { passwordResetsRepository } from './password-resets.js'
import { expectedRoute } from './pool/client-options.js'
import { type ConnectionOptions, openConnections, type Runner } from './pool/connections.js'
import { realmRepository } from './realm.js'
import { refreshTokensRepository } from './refresh-tokens.js'
import { securityEventsRepository } from './security-events.js'
import { sessionsRepository } from './sessions.js'
import { type SigningKeys, signingKeysRepository } from './signing-keys.js'
import { SCHEMA_VIEW, type SchemaView } from './tables-schema.js'
import { userImportRepository } from './user-import.js'
import { usersRepository } from './users.js'
import { userPagesRepository } from './users-search.js'

/** The statements of the service, one repository a table. Only a {@link RevokingRepositories} writes to the journal. */
export type Repositories = Omit<RevokingRepositories, 'journal'> & { readonly journal: Omit<Journal, 'append'> }

/** Those of a transaction that revokes, and whose caller announces what it wrote (src/domain/context.ts). */
export type RevokingRepositories = ReturnType<typeof repositories>

export interface Database extends Repositories {
  /** The journal on a connection of its own: it must be read in time however busy the others are. */
  readonly journalFeed: Journal
  /** The signing keys on that same connection, for the same reason. */
  readonly keyFeed: SigningKeys
  /**
   * Runs the work in one READ COMMITTED transaction, on repositories of its own; a rejection rolls it back. Work that
   * locks rows in more than one table does so in this order, so that transactions cannot deadlock: clients, users,
   * password_resets, sessions, refresh_tokens, superseded_tokens, revocations.
   */
  transaction<T>(work: (repositories: Repositories) => Promise<T>): Promise<T>
  /** Resolves if Postgres answers. */
  ping(): Promise<void>
  /** What the search_path of its connections comes to. */
  schemaView(): Promise<SchemaView>
  /** How many statements were sent so far, those of the feed aside; for tests that count them. */
  readonly statementsSent: number
  close(): Promise<void>
}

/** Opens the database; the connections are made as they are needed. */
export function openDatabase(options: ConnectionOptions): Database {
  const shared = { ...options, route: expectedRoute(options) }
  const connections = openConnections(shared)
  const feed = openConnections({ ...shared, size: 1, applicationName: 'latchkey-journal' })
  return {
    ...repositories(connections),
    journalFeed: journalRepository(feed),
    keyFeed: signingKeysRepository(feed),
    transaction: work => connections.transaction(runner => work(repositories(runner))),
    ping: async () => {
      await connections.run(executor => executor.execute(sql`select 1`))
    },
    schemaView: async () => {
      const [view] = await connections.run(executor => executor.execute(sql.raw(SCHEMA_VIEW)))
      return view as unknown as SchemaView
    },
    get statementsSent() {
      return connections.sent
    },
    async close() {
      await Promise.all([connections.close(), feed.close()])
    },
  }
}

function repositories(runner: Runner) {
  return {
    realm: realmRepository(runner),
    clients: clientsRepository(runner),
    users: usersRepository(runner),
    passwordResets: passwordResetsRepository(runner),
    userImport: userImportRepository(runner),
    deviceFailures: deviceFailuresRepository(runner),
    userPages: userPagesRepository(runner),
    sessions: sessionsRepository(runner),
    expiredSessions: expiredSessionsRepository(runner),
    refreshTokens: refreshTokensRepository(runner),
    journal: journalRepository(runner),
    signingKeys: signingKeysRepository(runner),
    securityEvents: securityEventsRepository(runner),
    introspection: introspectionRepository(runner),
    cleanUpLock: cleanUpLock(runner),
  }
}

/** Any number will do, as long as no other program on this database takes it for a lock of its own. */
const ADVISORY_LOCK = 7_233_417_024

/** Lets one instance at a time clear away dead rows. */
function cleanUpLock(runner: Runner) {
  return {
    /** Takes the lock until the transaction ends; false, without waiting, if another instance has it. */
    async take(): Promise<boolean> {
      const [row] = await runner.run(executor =>
        executor.execute<{ taken: boolean }>(sql`select pg_try_advisory_xact_lock(${ADVISORY_LOCK}) as taken`),
      )
      return row!.taken
    },
  }
}
