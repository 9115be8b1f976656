import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, copyFileSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { sql } from 'drizzle-orm'
import postgres from 'postgres'
import t from 'tap'
import { explainPostgresError } from '../../src/postgres/errors.js'
import { migrate } from '../../src/postgres/migrate.js'
import { openConnections } from '../../src/postgres/pool/connections.js'
import { startPostgres } from '../support/servers/own-postgres.js'
import { skipWithoutOpenssl } from '../support/servers/redis-tls.js'

const run = promisify(execFile)

t.test(
  'sslmode and the CA file decide whether Postgres is verified over TLS',
  { skip: skipWithoutOpenssl },
  async t => {
    const folder = t.testdir()
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
    const subject = ['-subj', '/CN=latchkey', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2', '-nodes']
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
    const withCa = openConnections({ ...options, caFile: cert })
    t.teardown(() => withCa.close())
    const ask = sql`select ssl from pg_stat_ssl where pid = pg_backend_pid()`
    t.strictSame([...(await withCa.run(executor => executor.execute(ask)))], [{ ssl: true }])
    await t.resolves(migrate({ url: server.url, caFile: cert }))

    const askAt = async (more: string, caFile?: string) => {
      const connections = openConnections({ ...options, url: more, caFile })
      try {
        return (await connections.run(executor => executor.execute(ask)))[0]!.ssl
      } finally {
        await connections.close()
      }
    }
    for (const [query, isEncrypted] of [
      ['', true],
      ['?sslmode=disable', false],
      ['?sslmode=allow', true],
      ['?sslmode=prefer', true],
      ['?sslmode=require', true],
      [`?sslmode=require&sslrootcert=${cert}`, true],
      [`?sslmode=verify-ca&sslrootcert=${cert}`, true],
      [`?sslmode=verify-full&sslrootcert=${cert}`, true],
      [`?sslmode=require&channel_binding=require&sslrootcert=${cert}`, true],
    ] as const) {
      t.equal(await askAt(server.url + query), isEncrypted, query)
    }
    t.equal(await askAt(`${server.url}?sslmode=verify-full`, cert), true, 'DATABASE_CA_FILE')
    for (const query of ['?sslmode=verify-full', '?sslmode=require&channel_binding=require', '?sslrootcert=system']) {
      await t.rejects(askAt(server.url + query), /self.signed/, query)
    }

    // The certificate is valid for the IP address, not for this name.
    const byName = server.url.replace('127.0.0.1', 'localhost')
    t.equal(await askAt(`${byName}?sslmode=verify-ca`, cert), true)
    await t.rejects(askAt(`${byName}?sslmode=verify-full`, cert), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
    await t.rejects(
      askAt(byName, cert),
      { code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
      'with a CA file the name of the server is checked too',
    )

    await run('openssl', [
      'req',
      '-x509',
      ...newKey,
      ...subject,
      '-keyout',
      join(folder, 'k'),
      '-out',
      join(folder, 'c'),
    ])
    const withOtherCa = openConnections({ ...options, caFile: join(folder, 'c') })
    t.teardown(() => withOtherCa.close())
    await t.rejects(
      withOtherCa.run(executor => executor.execute(ask)),
      /certificate|self.signed/,
    )
  },
)

t.test('a Postgres without TLS is accepted unless sslmode requires TLS, and the error says what to change', async t => {
  const server = await startPostgres(t)
  const ping = async (url: string) => {
    const connections = openConnections({ url, caFile: undefined, size: 1, prepare: true, timeoutMs: 5000 })
    try {
      await connections.run(executor => executor.execute(sql`select 1`))
    } finally {
      await connections.close()
    }
  }
  for (const query of ['', '?sslmode=disable', '?sslmode=allow', '?sslmode=prefer']) {
    await t.resolves(ping(server.url + query), query)
  }
  const url = `${server.url}?sslmode=require`
  const error = await ping(url).catch(error => error)
  t.match(
    explainPostgresError(error, { variable: 'DATABASE_URL', url }).message,
    /does not offer TLS: enable it there, or set sslmode=disable in DATABASE_URL\.$/,
  )
})

t.test('DATABASE_URL can name the folder of a Unix socket or an IPv6 address', async t => {
  const server = await startPostgres(t)
  const { port, password, username } = new URL(server.url)
  const folder = await mkdtemp(join(tmpdir(), 'lk-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const sockets = new Set<Socket>()
  const listen = async (...place: [string] | [number, string]) => {
    const forwarder = createServer(socket => {
      const behind = connect(Number(port), '127.0.0.1')
      for (const end of [socket, behind]) sockets.add(end.on('error', () => {}))
      socket.pipe(behind).pipe(socket)
    }).listen(...(place as [number, string]))
    await once(forwarder, 'listening')
    t.teardown(() => {
      for (const socket of sockets) socket.destroy()
      forwarder.close()
    })
    return forwarder.address()
  }
  await listen(join(folder, '.s.PGSQL.5432'))
  const six = (await listen(0, '::1')) as AddressInfo
  for (const url of [
    `postgres://${username}:${password}@/latchkey?host=${folder}`,
    `postgres://${username}:${password}@${encodeURIComponent(folder)}/latchkey`,
    `postgres://${username}:${password}@[::1]:${six.port}/latchkey`,
  ]) {
    const connections = openConnections({ url, caFile: undefined, size: 1, prepare: true, timeoutMs: 5000 })
    t.teardown(() => connections.close())
    const [row] = await connections.run(executor => executor.execute(sql`select current_database() as name`))
    t.equal(row!.name, 'latchkey', url)
  }
})
