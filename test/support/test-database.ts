import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import postgres from 'postgres'
import type { Test } from 'tap'
import { migrate } from '../../src/postgres/migrate.js'
import { testServers } from './servers/test-servers.js'

export interface TestDatabase {
  url: string
  /** A superuser connection, for what no statement of the service does. Its `now()` is shifted too. */
  admin: postgres.Sql
  /** Sets how far the clock that statements see is ahead of the true time. */
  shiftClock(seconds: number): Promise<void>
}

/**
 * Creates a migrated database for one test, from a template that is made once per run, and drops it after the test. Its
 * search_path has a `now()` and a `clock_timestamp()` that can be shifted before those of Postgres, so that tests set
 * the time and never sleep.
 */
export async function createTestDatabase(t: Test): Promise<TestDatabase> {
  const server = postgres(testServers().postgresUrl, { max: 1, onnotice: () => {} })
  const template = await ensureTemplate(server)
  const name = `test_${randomBytes(6).toString('hex')}`
  await server.unsafe(`create database ${name} template ${template}`)
  await server.unsafe(`alter database ${name} set search_path = public, clock, pg_catalog`)
  const url = databaseUrl(name)
  const admin = postgres(url, { max: 1, onnotice: () => {} })
  t.teardown(async () => {
    await admin.end()
    await server.unsafe(`drop database ${name} with (force)`)
    await server.end()
  })
  return {
    url,
    admin,
    async shiftClock(seconds) {
      await admin`update clock.shift set seconds = ${seconds}`
    },
  }
}

/** Creates an empty database, without tables, and drops it after the test. */
export async function emptyDatabase(t: Test): Promise<Pick<TestDatabase, 'url' | 'admin'>> {
  const server = postgres(testServers().postgresUrl, { max: 1, onnotice: () => {} })
  const name = `test_${randomBytes(6).toString('hex')}`
  await server.unsafe(`create database ${name}`)
  const url = databaseUrl(name)
  const admin = postgres(url, { max: 1, onnotice: () => {} })
  t.teardown(async () => {
    await admin.end()
    await server.unsafe(`drop database ${name} with (force)`)
    await server.end()
  })
  return { url, admin }
}

/** Makes the template if it is missing. Its name is a digest of the migrations, so a changed schema gets a new one. */
async function ensureTemplate(server: postgres.Sql): Promise<string> {
  const folder = new URL('../../drizzle/', import.meta.url)
  const digest = createHash('sha256')
  for (const file of readdirSync(folder).sort()) {
    if (file.endsWith('.sql')) digest.update(readFileSync(new URL(file, folder)))
  }
  const template = `template_${digest.digest('hex').slice(0, 16)}`

  // One test process makes it while the others wait. An incomplete one has another name.
  await server`select pg_advisory_lock(1)`
  try {
    const [made] = await server`select 1 from pg_database where datname = ${template}`
    if (made) return template
    await server.unsafe(`drop database if exists ${template}_draft with (force)`)
    await server.unsafe(`create database ${template}_draft`)
    await migrate({ url: databaseUrl(`${template}_draft`), caFile: undefined })
    const draft = postgres(databaseUrl(`${template}_draft`), { max: 1, onnotice: () => {} })
    await draft.unsafe(`
      create schema clock;
      create table clock.shift (seconds float8 not null);
      insert into clock.shift values (0);
      create function clock.now() returns timestamptz language sql stable
        as 'select pg_catalog.now() + make_interval(secs => (select seconds from clock.shift))';
      create function clock.clock_timestamp() returns timestamptz language sql volatile
        as 'select pg_catalog.clock_timestamp() + make_interval(secs => (select seconds from clock.shift))';
    `)
    await draft.end()
    await server.unsafe(`alter database ${template}_draft rename to ${template}`)
    return template
  } finally {
    await server`select pg_advisory_unlock(1)`
  }
}

function databaseUrl(name: string): string {
  const url = new URL(testServers().postgresUrl)
  url.pathname = `/${name}`
  return url.href
}
