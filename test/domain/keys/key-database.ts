import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import type { Test } from 'tap'
import { Keyring } from '../../../src/domain/keys/keyring.js'
import { deriveSecrets, type Secrets } from '../../../src/domain/keys/secrets.js'
import { type Database, openDatabase } from '../../../src/postgres/database.js'
import { migrate } from '../../../src/postgres/migrate.js'
import { testServers } from '../../support/servers/test-servers.js'

export interface KeyDatabase extends Database {
  /** Sets the clock of the database forward from the true time. */
  shiftClock(seconds: number): Promise<void>
  /** The clock of the database, shifted or not. */
  now(): Promise<number>
  /** For statements that the service does not have. */
  admin: postgres.Sql
  /** Another instance's connections to the same database. */
  another(): Database
}

/** Creates a migrated database whose clock tests can shift, and drops it after the test. */
export async function openKeyDatabase(t: Test): Promise<KeyDatabase> {
  const name = `keys_${randomBytes(6).toString('hex')}`
  const url = new URL(testServers().postgresUrl)
  const server = postgres(url.href, { max: 1, onnotice: () => {} })
  await server.unsafe(`create database ${name}`)
  url.pathname = `/${name}`
  await migrate({ url: url.href, caFile: undefined })

  const admin = postgres(url.href, { max: 1, onnotice: () => {} })
  await admin.unsafe(`
    create schema clock;
    create table clock.shift (seconds float8 not null);
    insert into clock.shift values (0);
    create function clock.now() returns timestamptz language sql stable
      as 'select pg_catalog.now() + make_interval(secs => (select seconds from clock.shift))';
    alter database ${name} set search_path = clock, pg_catalog, public;
  `)

  const opened: Database[] = []
  const another = () => {
    const database = openDatabase({ url: url.href, size: 2, prepare: true, caFile: undefined, timeoutMs: 10_000 })
    opened.push(database)
    return database
  }
  t.teardown(async () => {
    await Promise.all([...opened.map(database => database.close()), admin.end()])
    await server.unsafe(`drop database ${name} with (force)`)
    await server.end()
  })

  return Object.defineProperties(another(), {
    shiftClock: { value: (seconds: number) => admin`update clock.shift set seconds = ${seconds}` },
    now: {
      value: async () => {
        const [row] = await admin`select pg_catalog.now() + make_interval(secs => seconds) as now from clock.shift`
        return row!.now.getTime()
      },
    },
    admin: { value: admin },
    another: { value: another },
  }) as KeyDatabase
}

/** The secrets of an instance with these JWT_SECRETs. */
export function secretsOf(...jwtSecrets: string[]): Secrets {
  return deriveSecrets({ jwtSecrets: jwtSecrets.map(pad), refreshSecrets: [pad('refresh')] })
}

function pad(secret: string): string {
  return secret.padEnd(32, '.')
}

/** The keyring of an instance, loaded as at its start. */
export async function openKeyring(database: Database, secrets: Secrets): Promise<Keyring> {
  const keyring = new Keyring({ signingKeys: database.signingKeys, keyEncryptionKeys: secrets.keyEncryptionKeys })
  await keyring.reload()
  return keyring
}

/** The claims of a token issued at this instant. */
export function claimsAt(nowMs: number): { sub: string; iat: number; exp: number } {
  const iat = Math.floor(nowMs / 1000)
  return { sub: 'somebody', iat, exp: iat + 900 }
}
