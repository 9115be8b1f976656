import postgres from 'postgres'
import t from 'tap'
import { openDatabase } from '../../src/db/database.js'
import { migrate } from '../../src/db/migrate.js'
import { startPostgres } from '../support/servers/own-postgres.js'

for (const version of [15, 18] as const) {
  t.test(`on Postgres ${version} three instances started together migrate once`, async t => {
    const server = await startPostgres(t, { version })
    const options = { url: server.url, caFile: undefined }
    await Promise.all([migrate(options), migrate(options), migrate(options)])

    const admin = postgres(server.url, { max: 1 })
    const [{ server_version }] = (await admin`show server_version`) as unknown as [{ server_version: string }]
    t.ok(server_version.startsWith(`${version}.`), server_version)
    const [applied] =
      await admin`select count(*)::int, count(distinct hash)::int as hashes from drizzle.__drizzle_migrations`
    t.ok(applied!.count > 0)
    t.equal(applied!.count, applied!.hashes, 'each migration ran once')
    const [table] = await admin`select reloptions from pg_class where relname = 'refresh_tokens'`
    t.ok(String(table!.reloptions).includes('fillfactor=90'))
    await admin.end()

    const database = openDatabase({ ...options, size: 2, prepare: true, timeoutMs: 5000 })
    t.teardown(() => database.close())
    const user = { id: '01900000-0000-7000-8000-000000000001', email: 'ada@example.com', passwordHash: 'none' }
    t.equal(await database.users.insert(user), 'inserted')
    t.equal(await database.users.insert({ ...user, id: '01900000-0000-7000-8000-000000000002' }), 'email_taken')
    t.match(await database.users.findByEmail('ada@example.com'), { id: user.id, roles: [], tokenVersion: 0 })
    t.match(await database.journal.readAll(), { entries: [], isStandby: false })
  })
}
