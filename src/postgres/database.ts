import { sql } from 'drizzle-orm'
import type { TraceCall } from '../lib/trace-call.js'
import { clientsRepository } from './clients.js'
import { deliveriesRepository } from './deliveries.js'
import { deviceFailuresRepository } from './device-failures.js'
import { eventReceiversRepository } from './event-receivers.js'
import { expiredSessionsRepository } from './expired-sessions.js'
import { type PostgresInstallation, readInstallation } from './installation.js'
import { introspectionRepository } from './introspection.js'
import { type Journal, journalRepository } from './journal.js'
import { latestEventsRepository } from './latest-events.js'
import { oneTimeTokensRepository } from './one-time-tokens.js'
import { passwordResetsRepository } from './password-resets.js'
import { type ConnectionOptions, type Load, openConnections, type Runner } from './pool/connections.js'
import { expectedRoute } from './pool/route.js'
import { tracedConnections } from './pool/traced-connections.js'
import { realmRepository } from './realm.js'
import { receiptsRepository } from './receipts.js'
import { refreshTokensRepository } from './refresh-tokens.js'
import { registrationsRepository } from './registrations.js'
import { SCHEMA_VIEW, type SchemaView } from './search-path.js'
import { type AddedEvent, securityEventsRepository } from './security-events.js'
import { sessionDetailsRepository } from './session-details.js'
import { sessionsRepository } from './sessions.js'
import { type SigningKeys, signingKeysRepository } from './signing-keys.js'
import { readTablesVersion, type TablesVersion } from './tables-version.js'
import { usedAssertionsRepository } from './used-assertions.js'
import { userActivityRepository } from './user-activity.js'
import { userImportRepository } from './user-import.js'
import { userMetadataRepository } from './user-metadata.js'
import { usersRepository } from './users.js'
import { userPagesRepository } from './users-search.js'
import { verifiersRepository } from './verifiers.js'

/** The statements of the service, in repositories. Only {@link RevokingRepositories} can write to the journal. */
export type Repositories = Omit<RevokingRepositories, 'journal'> & { readonly journal: Omit<Journal, 'append'> }

/**
 * The repositories of a transaction that revokes. Its caller announces the entries it wrote (src/domain/commit-and-announce.ts).
 */
export type RevokingRepositories = ReturnType<typeof repositories>

export interface Database extends Repositories {
  /** The journal, on its own connection, so that it is read in time however busy the other connections are. */
  readonly journalFeed: Journal
  /** The signing keys, on the same connection and for the same reason. */
  readonly keyFeed: SigningKeys
  /** For the delivery of events, which looks for them every second. Its statements are not counted. */
  readonly deliveryFeed: Pick<Repositories, 'deliveries' | 'eventReceivers'>
  /**
   * Runs the work in one READ COMMITTED transaction, with its own repositories; a rejection rolls it back. Work that
   * locks rows in more than one table does so in this order, so that transactions cannot deadlock: clients, users,
   * user_metadata, password_resets, one_time_tokens, sessions, refresh_tokens, superseded_tokens, verifiers, revocations,
   * event_receivers, deliveries.
   */
  transaction<T>(work: (repositories: Repositories) => Promise<T>): Promise<T>
  /**
   * Calls the listener with the security events that this process wrote, after their commit and once for each event.
   * Events of a transaction that was rolled back are not announced.
   *
   * @returns a function that removes the listener
   */
  onSecurityEvents(listener: SecurityEventsListener): () => void
  /** Resolves if Postgres answers. */
  ping(): Promise<void>
  /** What the search_path of its connections leads to. */
  schemaView(): Promise<SchemaView>
  /** Whether the tables are those of this version. Changes nothing. */
  tablesVersion(): Promise<TablesVersion>
  /** What an operator has to know of the server, for `latchkey doctor`. */
  installation(): Promise<PostgresInstallation>
  /** The number of statements sent so far, without those of the feeds. */
  readonly statementsSent: number
  /** What is in progress on the connections for requests, and on that of the two feeds. */
  load(): { requests: Load; journal: Load }
  close(): Promise<void>
}

/** Must not throw, and must return at once: requests wait for it. */
export type SecurityEventsListener = (events: readonly AddedEvent[]) => void

/** Creates the database's repositories; each connection is opened at its first use. */
export function openDatabase({ trace, ...options }: ConnectionOptions & { trace?: TraceCall | undefined }): Database {
  const shared = { ...options, route: expectedRoute(options) }
  const opened = openConnections(shared)
  const connections = trace ? tracedConnections(opened, trace) : opened
  const feed = openConnections({ ...shared, size: 1, applicationName: 'latchkey-journal' })
  const listeners = new Set<SecurityEventsListener>()
  function announce(events: readonly AddedEvent[]): void {
    if (events.length > 0) for (const listener of listeners) listener(events)
  }
  return {
    ...repositories(connections, announce),
    journalFeed: journalRepository(feed),
    keyFeed: signingKeysRepository(feed),
    deliveryFeed: {
      deliveries: deliveriesRepository(connections.periodic),
      eventReceivers: eventReceiversRepository(connections.periodic),
    },
    async transaction(work) {
      let added: AddedEvent[] = []
      const result = await connections.transaction(runner => {
        // The work is run again if Postgres rolled it back.
        added = []
        return work(repositories(runner, events => added.push(...events)))
      })
      announce(added)
      return result
    },
    onSecurityEvents(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    ping: async () => {
      await connections.run(executor => executor.execute(sql`select 1`))
    },
    schemaView: async () => {
      const [view] = await connections.run(executor => executor.execute(sql.raw(SCHEMA_VIEW)))
      return view as unknown as SchemaView
    },
    tablesVersion: () => readTablesVersion(connections),
    installation: () => readInstallation(connections),
    get statementsSent() {
      return connections.sent
    },
    load: () => ({ requests: connections.load(), journal: feed.load() }),
    async close() {
      await Promise.all([connections.close(), feed.close()])
    },
  }
}

function repositories(runner: Runner, onAdded: SecurityEventsListener) {
  return {
    realm: realmRepository(runner),
    clients: clientsRepository(runner),
    usedAssertions: usedAssertionsRepository(runner),
    users: usersRepository(runner),
    userMetadata: userMetadataRepository(runner),
    passwordResets: passwordResetsRepository(runner),
    oneTimeTokens: oneTimeTokensRepository(runner),
    registrations: registrationsRepository(runner),
    userImport: userImportRepository(runner),
    deviceFailures: deviceFailuresRepository(runner),
    userPages: userPagesRepository(runner),
    userActivity: userActivityRepository(runner),
    sessions: sessionsRepository(runner, onAdded),
    sessionDetails: sessionDetailsRepository(runner),
    expiredSessions: expiredSessionsRepository(runner),
    refreshTokens: refreshTokensRepository(runner),
    journal: journalRepository(runner),
    signingKeys: signingKeysRepository(runner),
    securityEvents: securityEventsRepository(runner, onAdded),
    latestEvents: latestEventsRepository(runner),
    eventReceivers: eventReceiversRepository(runner),
    deliveries: deliveriesRepository(runner),
    introspection: introspectionRepository(runner),
    verifiers: verifiersRepository(runner),
    receipts: receiptsRepository(runner),
    cleanUpLock: cleanUpLock(runner),
  }
}

/** Any number that no other program uses as an advisory lock in this database. */
const ADVISORY_LOCK = 7_233_417_024

/** Lets only one instance at a time delete rows that are no longer needed. */
function cleanUpLock(runner: Runner) {
  return {
    /** Takes the lock until the transaction ends. Returns false at once if another instance has it. */
    async take(): Promise<boolean> {
      const [row] = await runner.run(executor =>
        executor.execute<{ taken: boolean }>(sql`select pg_try_advisory_xact_lock(${ADVISORY_LOCK}) as taken`),
      )
      return row!.taken
    },
  }
}
