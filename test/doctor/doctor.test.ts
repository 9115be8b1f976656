import { once } from 'node:events'
import { createServer, type ServerResponse, request as sendRequest } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { type Config, readConfig } from '../../src/config/config.js'
import { examine } from '../../src/doctor/examine.js'
import type { Finding } from '../../src/doctor/finding.js'
import { createDoctorTicket } from '../../src/domain/keys/doctor-ticket.js'
import { deriveSecrets } from '../../src/domain/keys/secrets.js'
import { buildTestApp, TEST_SECRETS, type TestApp } from '../support/build-test-app.js'
import { findFreePort } from '../support/free-port.js'
import { runLatchkey } from '../support/run-latchkey.js'
import { startRedis } from '../support/servers/own-redis.js'
import { testServers } from '../support/servers/test-servers.js'
import { createTestDatabase, emptyDatabase } from '../support/test-database.js'

/** A running instance whose public address is that at which it listens. */
async function startInstance(t: Test, overrides: NodeJS.ProcessEnv = {}): Promise<TestApp & { url: string }> {
  const port = await findFreePort()
  const url = `http://localhost:${port}`
  const started = await buildTestApp(t, { PUBLIC_ORIGIN: url, ...overrides })
  await started.app.listen({ port, host: '127.0.0.1' })
  return { ...started, url }
}

/** The servers of the tests write nothing to disk, for speed. Every finding but this one must be as in production. */
const OF_TEST_SERVERS = 'postgres settings'

/** What is wrong, as `subject check`. */
async function problemsOf(
  config: Config,
  url: string | undefined,
  level: Finding['level'] = 'problem',
): Promise<string[]> {
  const findings = await examine({ config, env: {}, url, onProgress() {} })
  return findings
    .filter(finding => finding.level === level)
    .map(({ subject, check }) => `${subject} ${check}`)
    .filter(name => name !== OF_TEST_SERVERS)
}

/** The configuration of an instance, with other settings. */
function changed({ database, config }: Pick<TestApp, 'database' | 'config'>, env: NodeJS.ProcessEnv): Config {
  return readConfig({
    NODE_ENV: 'test',
    DATABASE_URL: database.url,
    REDIS_URL: testServers().redisUrl,
    PUBLIC_ORIGIN: config.publicOrigin,
    ...TEST_SECRETS,
    ...env,
  })
}

/** Only the settings and the stores. */
const NO_SERVICE = undefined

t.test('an installation in which everything is right has no problem', async t => {
  const { config, url } = await startInstance(t, { CORS_ORIGINS: 'https://app.example.com' })
  const findings = await examine({ config, env: {}, url, onProgress() {} })
  t.same(await problemsOf(config, url), [])
  t.match(
    findings.filter(({ level }) => level === 'problem').map(({ message }) => message),
    [/fsync = off/, /full_page_writes = off/],
    'only the servers of the tests can lose data',
  )
  const checks = findings.map(({ subject, check }) => `${subject} ${check}`)
  for (const check of [
    ...['postgres version', 'postgres tables', 'postgres rights', 'postgres connections'],
    ...['redis version', 'redis rights', 'clock postgres', 'clock redis', 'clock instance'],
    ...['service answers', 'service keys', 'service same_settings', 'gateway cookies', 'gateway client_address'],
    'browser cors',
  ])
    t.ok(checks.includes(check), check)
})

t.test('a Postgres that cannot be used is a problem that names the fix', async t => {
  const installation = await startInstance(t)
  const { admin } = installation.database
  const problems = (env: NodeJS.ProcessEnv) => problemsOf(changed(installation, env), NO_SERVICE)
  t.same(await problems({ DATABASE_URL: 'postgres://a:b@127.0.0.1:9/latchkey' }), ['postgres connection'])
  const empty = (await emptyDatabase(t)).url
  t.same(await problems({ DATABASE_URL: empty, MIGRATE_ON_START: 'off' }), ['postgres tables'])
  t.same(await problems({ DATABASE_URL: empty }), [], 'the first start makes the tables')
  const elsewhere = `${installation.database.url}?search_path=other,public`
  await admin.unsafe('create schema other')
  t.same(await problems({ DATABASE_URL: elsewhere }), ['postgres migration'], 'new tables would be made elsewhere')
  t.same(await problems({ DATABASE_MIGRATION_URL: empty }), ['postgres migration'], 'another database')

  const database = new URL(installation.database.url)
  const role = `doctor_${database.pathname.slice(1)}`
  await admin.unsafe(`create role ${role} login password 'x'; grant usage on schema public, clock to ${role}`)
  await admin.unsafe(`grant select on all tables in schema clock to ${role}`)
  await admin.unsafe(`grant select, insert, update, delete on all tables in schema public to ${role}`)
  await admin.unsafe(`revoke delete on sessions from ${role}`)
  database.username = role
  database.password = 'x'
  const own = { DATABASE_URL: database.href, MIGRATE_ON_START: 'off' }
  t.ok((await problems(own)).includes('postgres rights'), 'a right is missing')
  await admin.unsafe(`grant delete on sessions to ${role}; alter role ${role} set default_transaction_read_only = on`)
  await admin.unsafe(`grant usage on all sequences in schema public to ${role}`)
  t.same(await problems(own), ['postgres writable'])
  await admin.unsafe(`alter role ${role} reset default_transaction_read_only`)
  t.same(await problems(own), [])
  t.same(await problems({ DATABASE_URL: database.href }), ['postgres migration'], 'it cannot make tables')
  await admin.unsafe(`alter role ${role} connection limit 0`)
  t.same(await problems(own), ['postgres connection'])
  await admin.unsafe(`drop owned by ${role}; drop role ${role}`)
})

t.test('a Redis that cannot be used, may delete keys, or denies rights is a problem', async t => {
  const database = await createTestDatabase(t)
  const redis = await startRedis(t, { args: ['--maxmemory-policy', 'allkeys-lru'] })
  const config = readConfig({ NODE_ENV: 'test', DATABASE_URL: database.url, REDIS_URL: redis.url, ...TEST_SECRETS })
  t.same(await problemsOf(config, NO_SERVICE), ['redis eviction'])

  const limited = await startRedis(t)
  const administrator = new Redis(limited.url)
  t.teardown(() => administrator.disconnect())
  await administrator.call('acl', 'setuser', 'latchkey', 'on', '>password', '~lk1:*', '+@connection', '+info', '+eval')
  const limitedUrl = limited.url.replace('//', '//latchkey:password@')
  t.same(await problemsOf({ ...config, redis: { ...config.redis, url: limitedUrl } }, NO_SERVICE), ['redis rights'])
  await administrator.call(
    'acl',
    'setuser',
    'latchkey',
    '+evalsha',
    '+get',
    '+set',
    '+incr',
    '+decr',
    '+pttl',
    '+pexpire',
  )
  await administrator.call('acl', 'setuser', 'latchkey', '+xadd', '+xread', '+xrevrange')
  t.same(
    await problemsOf({ ...config, redis: { ...config.redis, url: limitedUrl } }, NO_SERVICE),
    ['redis rights'],
    'DEL',
  )
  await administrator.config('SET', 'maxmemory', '1mb')
  t.same(await problemsOf({ ...config, redis: { ...config.redis, url: limited.url } }, NO_SERVICE), [
    'redis memory',
    'redis writes',
  ])

  await redis.stop()
  t.ok((await problemsOf(config, NO_SERVICE)).includes('redis connection'))
})

t.test('a connection to Redis that opens late is not a problem', async t => {
  const database = await createTestDatabase(t)
  const { hostname, port } = new URL(testServers().redisUrl)
  let opened = 0
  // Each second connection waits, so that of two that open together one is ready before the other.
  const proxy = createTcpServer(async incoming => {
    incoming.on('error', () => {})
    if (++opened % 2 === 0) await sleep(300)
    const outgoing = connect(Number(port), hostname).on('error', () => incoming.destroy())
    incoming.pipe(outgoing).pipe(incoming)
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.teardown(() => proxy.close())
  const late = `redis://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const config = readConfig({ NODE_ENV: 'test', DATABASE_URL: database.url, REDIS_URL: late, ...TEST_SECRETS })
  t.same(await problemsOf(config, NO_SERVICE), [])
})

t.test(
  'an address where no service answers, something else, or a gateway without an instance is a problem',
  async t => {
    const { config } = await startInstance(t)
    t.same(await problemsOf(config, 'http://127.0.0.1:9'), ['service answers'])
    for (const status of [200, 301, 401, 502]) {
      const page = await serve(t, (_, response) =>
        response.writeHead(status, { location: '/' }).end('<h1>Welcome</h1>'),
      )
      t.same(await problemsOf(config, page), ['service answers'], String(status))
    }
  },
)

t.test('a gateway that forwards only GET is a problem', async t => {
  const { config, url } = await startInstance(t)
  const gateway = await serve(t, (request, response) =>
    request.method === 'POST' ? response.writeHead(405).end() : pass(url, request, response),
  )
  t.same(await problemsOf(config, gateway), ['gateway methods'])
})

t.test('proxies that hide the addresses of clients, or let clients choose them, are problems', async t => {
  const ignoring = await startInstance(t)
  const proxy = await forward(t, ignoring.url, headers => ({ ...headers, 'x-forwarded-for': '203.0.113.9' }))
  t.ok((await problemsOf(ignoring.config, proxy)).includes('gateway client_address'), 'TRUST_PROXY is unset')

  const trusting = await startInstance(t, { TRUST_PROXY: '127.0.0.0/8' })
  t.ok(
    (await problemsOf(trusting.config, trusting.url, 'warning')).includes('gateway client_address'),
    'asked directly',
  )
  t.same(await problemsOf(trusting.config, trusting.url), [])
  const silent = await forward(t, trusting.url, ({ 'x-forwarded-for': _, ...headers }) => headers)
  t.ok((await problemsOf(trusting.config, silent, 'warning')).includes('gateway client_address'), 'no X-Forwarded-For')
  const passing = await forward(t, trusting.url, headers => headers)
  t.same(await problemsOf(trusting.config, passing), ['gateway client_address'], 'the header of a client is passed on')
  const right = await forward(t, trusting.url, headers => ({ ...headers, 'x-forwarded-for': '203.0.113.9' }))
  t.notOk((await problemsOf(trusting.config, right)).includes('gateway client_address'))
  const appending = await forward(t, trusting.url, headers => {
    const given = headers['x-forwarded-for']
    return { ...headers, 'x-forwarded-for': given === undefined ? '127.0.0.5' : `${given}, 127.0.0.5` }
  })
  t.same(await problemsOf(trusting.config, appending), [], 'right for clients that are elsewhere')
  t.ok((await problemsOf(trusting.config, appending, 'warning')).includes('gateway client_address'))
})

t.test('a gateway that changes cookies, keeps answers, or answers preflights itself is a problem', async t => {
  const { config, url } = await startInstance(t, { CORS_ORIGINS: 'https://app.example.com' })
  const problems = async (change: (response: Headers) => void) => {
    return problemsOf(config, await forward(t, url, headers => headers, change))
  }
  t.same(await problems(() => {}), [])
  t.same(await problems(headers => delete headers['set-cookie']), ['gateway cookies'])
  t.same(
    await problems(headers => {
      headers['set-cookie'] = headers['set-cookie'] && String(headers['set-cookie']).replace('HttpOnly; ', '')
    }),
    ['gateway cookies'],
  )
  t.same(
    await problems(headers => {
      headers.age = '7'
    }),
    ['gateway cache'],
  )
  t.same(await problems(headers => delete headers['access-control-allow-origin']), ['browser cors'])
  t.same(
    await problems(headers => {
      headers['access-control-allow-origin'] = '*'
      headers['access-control-allow-credentials'] = 'true'
    }),
    ['browser cors'],
  )
})

t.test('instances with different settings are a problem', async t => {
  const one = await startInstance(t)
  const other = await one.another({ PUBLIC_ORIGIN: one.url, ACCESS_TOKEN_COOKIE: 'on', JWT_EXPIRES_IN: '7m' })
  await other.app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = other.app.server.address() as AddressInfo
  let turn = 0
  const spread = await serve(t, (request, response) =>
    pass(turn++ % 2 === 0 ? one.url : `http://127.0.0.1:${port}`, request, response),
  )
  // Both are this process, so only their settings distinguish them.
  t.ok((await problemsOf(one.config, spread)).includes('service same_settings'))

  const own = await one.another({
    PUBLIC_ORIGIN: one.url,
    HASH_CONCURRENCY: '3',
    LOG_FORMAT: 'json',
    DATABASE_POOL_SIZE: '3',
  })
  await own.app.listen({ port: 0, host: '127.0.0.1' })
  const ownPort = (own.app.server.address() as AddressInfo).port
  const both = await serve(t, (request, response) =>
    pass(turn++ % 2 === 0 ? one.url : `http://127.0.0.1:${ownPort}`, request, response),
  )
  t.same(await problemsOf(one.config, both), [], 'machines can differ')
})

t.test('a command with other secrets says so, and does not disturb the instances', async t => {
  const { app, url, ...one } = await startInstance(t)
  const jwt = { JWT_SECRET: 'another-jwt-secret-that-the-instance-does-not-have' }
  t.ok((await problemsOf(changed(one, jwt), url)).includes('service secrets'))
  const refresh = {
    JWT_REFRESH_SECRET: 'another-refresh-secret-that-the-instance-does-not-have',
    REDIS_KEY_PREFIX: one.config.redis.keyPrefix,
  }
  t.same(await problemsOf(changed(one, refresh), url), ['service own_settings'])
  t.same((await app.inject('/readyz')).json(), { status: 'ok', degraded: [] })
})

t.test('without a ticket of this deployment, GET /doctor is not found', async t => {
  const { app, config, clock } = await buildTestApp(t)
  const secrets = deriveSecrets(config)
  const foreign = deriveSecrets({ ...config, jwtSecrets: ['another-jwt-secret-that-the-instance-does-not-have'] })
  const ask = async (ticket?: string) => {
    const headers = ticket === undefined ? {} : { 'x-latchkey-doctor': ticket }
    return (await app.inject({ url: '/doctor', headers })).statusCode
  }
  const now = clock.now()
  t.equal(await ask(createDoctorTicket(secrets, now)), 200)
  t.equal(await ask(), 404, 'no ticket')
  t.equal(await ask(createDoctorTicket(foreign, now)), 404, 'another secret')
  t.equal(await ask(createDoctorTicket(secrets, now - 61 * 60_000)), 404, 'an old ticket')
  t.equal(await ask(createDoctorTicket(secrets, now + 61 * 60_000)), 404, 'a ticket of the future')
  t.equal(await ask(createDoctorTicket(secrets, now).replace(/^\d{13}/, String(now + 1))), 404, 'a changed time')
  t.equal(await ask(`${now}.`), 404, 'no MAC')
})

t.test('a clock that differs by half a minute is a problem', async t => {
  const { config, clock, url } = await startInstance(t)
  await clock.advance(40)
  const problems = await problemsOf(config, url)
  t.ok(problems.includes('clock instance'))
  await clock.advance(-30)
  t.ok((await problemsOf(config, url, 'warning')).includes('clock instance'))
})

t.test('the command prints each finding, and exits with 1 if there is a problem', async t => {
  const { database, url } = await startInstance(t)
  const env = { DATABASE_URL: database.url, REDIS_URL: testServers().redisUrl, PUBLIC_ORIGIN: url, ...TEST_SECRETS }
  const broken = { ...env, DATABASE_URL: 'postgres://a:b@127.0.0.1:9/latchkey' }
  const words = await runLatchkey(['doctor', '--no-service'], { env: broken })
  t.equal(words.code, 1)
  t.match(words.stdout, /^Postgres\n {2}problem {2}Postgres at 127\.0\.0\.1:9\/latchkey cannot be reached/m)
  t.match(words.stdout, /^1 problem, /m)
  t.notMatch(words.stdout + words.stderr, /a:b/)
  const json = await runLatchkey(['doctor', '--json', '--no-service'], { env: broken })
  t.equal(json.code, 1)
  t.equal(JSON.parse(json.stdout).problems, 1)
  t.match(json.stderr, /"code":"problems_found"/)
  for (const address of ['http://user:geheim@host', 'http://host/?x=1', 'host']) {
    const { code, stderr } = await runLatchkey(['doctor', '--url', address], { env })
    t.equal(code, 64)
    t.notMatch(stderr, /geheim/)
  }
})

type Headers = Record<string, string | string[] | undefined>

/** Starts a server; returns its address. */
async function serve(
  t: Test,
  answer: (request: import('node:http').IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Starts a gateway before an instance, which changes headers. */
async function forward(
  t: Test,
  url: string,
  changeRequest: (headers: Headers) => Headers,
  changeResponse: (headers: Headers) => void = () => {},
): Promise<string> {
  return serve(t, (request, response) => pass(url, request, response, changeRequest, changeResponse))
}

function pass(
  url: string,
  request: import('node:http').IncomingMessage,
  response: ServerResponse,
  changeRequest: (headers: Headers) => Headers = headers => headers,
  changeResponse: (headers: Headers) => void = () => {},
): void {
  const headers = changeRequest({ ...request.headers }) as Record<string, string>
  const onward = sendRequest(url + request.url, { method: request.method, headers, agent: false }, answer => {
    const answered: Headers = { ...answer.headers }
    changeResponse(answered)
    for (const name of Object.keys(answered)) if (answered[name] === undefined) delete answered[name]
    response.writeHead(answer.statusCode!, answered as Record<string, string>)
    answer.pipe(response)
  })
  onward.on('error', () => response.destroy())
  request.pipe(onward)
}
