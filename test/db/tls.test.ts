import { execFile } from 'node:child_process'
import { chownSync, copyFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { sql } from 'drizzle-orm'
import postgres from 'postgres'
import t from 'tap'
import { openConnections } from '../../src/db/connections.js'
import { migrate } from '../../src/db/migrate.js'
import { startPostgres } from '../support/servers/own-postgres.js'

const run = promisify(execFile)
const hasOpenssl = await run('openssl', ['version']).then(
  () => true,
  () => false,
)

t.test('with TLS the certificate of Postgres must come from the given authority', { skip: !hasOpenssl }, async t => {
  const folder = t.testdir()
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2', '-nodes']
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  await run('openssl', ['req', '-x509', ...newKey, ...subject, '-keyout', key, '-out', cert])

  const server = await startPostgres(t)
  const admin = postgres(server.url, { max: 1 })
  t.teardown(() => admin.end())
  const { uid, gid } = statSync(server.data)
  for (const [from, name] of [
    [cert, 'server.crt'],
    [key, 'server.key'],
  ] as const) {
    copyFileSync(from, join(server.data, name))
    chownSync(join(server.data, name), uid, gid)
  }
  await admin`alter system set ssl = on`
  await admin`select pg_reload_conf()`

  const options = { url: server.url, size: 1, prepare: true, timeoutMs: 5000 }
  const trusting = openConnections({ ...options, caFile: cert })
  t.teardown(() => trusting.close())
  const ask = sql`select ssl from pg_stat_ssl where pid = pg_backend_pid()`
  t.strictSame([...(await trusting.run(executor => executor.execute(ask)))], [{ ssl: true }])
  await t.resolves(migrate({ url: server.url, caFile: cert }))

  await run('openssl', ['req', '-x509', ...newKey, ...subject, '-keyout', join(folder, 'k'), '-out', join(folder, 'c')])
  const doubting = openConnections({ ...options, caFile: join(folder, 'c') })
  t.teardown(() => doubting.close())
  await t.rejects(
    doubting.run(executor => executor.execute(ask)),
    /certificate|self.signed/,
  )
})
