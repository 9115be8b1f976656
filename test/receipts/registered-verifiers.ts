import { randomBytes, randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import { type Database, openDatabase, type RevokingRepositories } from '../../src/postgres/database.js'
import type { GivenConnection } from '../../src/revocations/feed/verifier-store.js'
import { createTestDatabase, type TestDatabase } from '../support/test-database.js'

export const LEASE_SECONDS = 60
export const MARGIN_SECONDS = 2

/** A database with statements about verifiers, for tests without the feed. */
export interface TestRegistry {
  db: Database
  database: TestDatabase
  newClient(): Promise<string>
  /** Registers a verifier with a new connection. */
  connect(given?: Partial<GivenConnection>): Promise<GivenConnection>
  /** Revokes a session, in a transaction of its own. */
  revoke(): Promise<void>
  /** Where the journal is now: the server, and the snapshot. */
  position(): Promise<Position>
  confirm(verifier: { verifierId: string; clientId: string }, position: Position): Promise<string>
  /** Whether every live verifier has applied what the present, or the given snapshot sees. */
  isComplete(snapshot?: string): Promise<boolean>
  lagging(snapshot: string): Promise<string[]>
  /** From now on Postgres is another server, with the same tables. */
  replaceServer(): Promise<void>
}

export interface Position {
  serverStart: string
  snapshot: string
}

export async function testRegistry(t: Test): Promise<TestRegistry> {
  const database = await createTestDatabase(t)
  const { admin } = database
  // The test decides when the server started.
  await admin`create table clock.server as select pg_catalog.now() as start`
  await admin.unsafe(`create function clock.pg_postmaster_start_time() returns timestamptz language sql stable
    as 'select start from clock.server'`)
  const db = openDatabase({ url: database.url, prepare: true, caFile: undefined, timeoutMs: 5000, size: 4 })
  t.teardown(() => db.close())
  const registry: TestRegistry = {
    db,
    database,
    async newClient() {
      const id = randomUUID()
      await db.clients.insert({ id, name: `client-${id}`, secretHash: randomBytes(32), scopes: ['revocations'] })
      return id
    },
    async connect(given = {}) {
      const connection: GivenConnection = {
        verifierId: randomUUID(),
        clientId: given.clientId ?? (await registry.newClient()),
        name: 'shop',
        instance: 'a',
        connectionId: randomUUID(),
        maxStalenessSeconds: 60,
        ageSeconds: 0,
        ...given,
      }
      await db.verifiers.register([connection], LEASE_SECONDS)
      return connection
    },
    async revoke() {
      await db.transaction(given =>
        (given as RevokingRepositories).journal.append([{ kind: 'session', subject: randomUUID(), reason: 'logout' }]),
      )
    },
    async position() {
      const [present] = await db.receipts.readTargets([])
      return present!
    },
    async confirm({ verifierId, clientId }, { serverStart, snapshot }) {
      const [outcome] = await db.verifiers.confirm([{ verifierId, clientId, serverStart, snapshot, isClosing: false }])
      return outcome!
    },
    async isComplete(snapshot) {
      const targets = await db.receipts.readTargets(snapshot === undefined ? [] : [snapshot])
      return targets.at(-1)!.isComplete
    },
    async replaceServer() {
      await admin`update clock.server set start = start + interval '1 minute'`
    },
    lagging: async snapshot => (await db.receipts.findLagging(snapshot, 50)).verifiers.map(({ id }) => id),
  }
  return registry
}
