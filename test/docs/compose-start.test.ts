import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { hasEnded, stopServer } from '../../src/embedded-postgres/stop.js'
import { type ComposeService, environmentOf, inFolder, interpolate, readCompose } from '../support/compose.js'
import { eventually } from '../support/eventually.js'
import { findFreePort } from '../support/free-port.js'
import { HttpClient } from '../support/http-client.js'
import { runLatchkey } from '../support/run-latchkey.js'
import { findRedis } from '../support/servers/find-redis.js'
import { query } from '../support/servers/query.js'
import { testServers } from '../support/servers/test-servers.js'
import { startService } from '../support/service-process.js'
import { createTestDatabase } from '../support/test-database.js'

// What Docker Compose would do with docker-compose.yml and a .env file, with real servers in place of the containers.

const root = resolve(import.meta.dirname, '../..')
const run = promisify(execFile)
const ODD = `p@ss:w/o?r#d%41 &=+'"\\$\`{}é`

t.test('variables are interpolated as in Docker Compose', async t => {
  const values = { PORT: '4000', EMPTY: '' }
  t.equal(interpolate(`$\{PORT}:$$HOME $\{EMPTY:-a$\{NONE:-b}} $\{NONE}`, values), '4000:$HOME ab ')
  t.throws(() => interpolate(`$\{NONE:?is missing}`, values), { message: 'NONE: is missing' })
})

t.test('each setting of .env reaches the service, and LATCHKEY_PORT its address', async t => {
  const dotEnv = 'LATCHKEY_PORT=8080\nREGISTRATION=closed\nRATE_LIMIT_PER_ADDRESS=7\nPORT=9\nDATABASE_URL=file:dev.db\n'
  const { latchkey } = readCompose(join(root, 'docker-compose.yml'), dotEnv).services
  const env = environmentOf(latchkey!, { dotEnv, secrets: '/run/secrets' })
  t.match(env, { REGISTRATION: 'closed', RATE_LIMIT_PER_ADDRESS: '7', PUBLIC_ORIGIN: 'http://localhost:8080' })
  t.match(env, { PORT: '3000', HOST: '0.0.0.0', DATABASE_URL: 'postgres://latchkey@postgres:5432/latchkey' })
  t.strictSame(latchkey?.ports, ['8080:3000'])
  const other = readCompose(join(root, 'docker-compose.yml'), 'PUBLIC_ORIGIN=https://auth.example.com').services
  t.equal(other.latchkey?.environment?.PUBLIC_ORIGIN, 'https://auth.example.com')
})

t.test('the service and its commands start with what docker-compose.yml gives them', { buffered: true }, async t => {
  const secrets = await makeFolder(t)
  const values = {
    postgres_password: ODD,
    redis_password: ODD,
    jwt_secret: 's'.repeat(31) + 1,
    jwt_refresh_secret: 'r'.repeat(31) + 2,
  }
  for (const [name, value] of Object.entries(values)) await writeFile(join(secrets, name), `${value}\n`)
  const dotEnv = 'REGISTRATION=closed\n'
  const { services } = readCompose(join(root, 'docker-compose.yml'), dotEnv)
  const redisPort = await startRedisOf(t, services.redis!, secrets)

  const env = environmentOf(services.latchkey!, { image: { NODE_ENV: 'production' }, dotEnv, secrets })
  env.DATABASE_URL = await databaseOfRole(t, env.DATABASE_URL!)
  env.REDIS_URL = env.REDIS_URL!.replace('redis:6379', `127.0.0.1:${redisPort}`)
  env.HOST = '127.0.0.1'

  const create = ['users', 'create', 'ada@example.com', '--role', 'admin']
  const created = await runLatchkey(create, { env })
  t.equal(created.code, 0, created.stderr)
  const password = /temporary password[^:]*: (\S+)/.exec(created.stdout)?.[1]
  const service = await startService(t, { env: { ...env, PORT: undefined } })
  const client = new HttpClient(service.url)
  t.teardown(() => client.close())
  t.match(await client.get('/readyz'), { status: 200, body: { status: 'ok', degraded: [] } }, 'Redis is used')
  t.match(await client.post('/auth/register', { email: 'bob@example.com', password: 'a mill of brass' }), {
    status: 403,
  })
  const ada = { email: 'ada@example.com', password }
  t.match(await client.post('/auth/login', ada), { status: 403, body: { code: 'password_change_required' } })
  t.notMatch(service.output(), ODD)
  t.equal(await service.stop('SIGINT'), 0)
})

/** Starts Redis with the command of the file, and checks it with its health check. */
async function startRedisOf(t: Test, service: ComposeService, secrets: string): Promise<number> {
  const program = await findRedis()
  if (program === undefined) throw new Error('This test needs a redis-server on the PATH.')
  const folder = await makeFolder(t)
  // The image's script runs the command as another user.
  await writeFile(join(folder, 'docker-entrypoint.sh'), '#!/bin/sh\nexec "$@"\n')
  await chmod(join(folder, 'docker-entrypoint.sh'), 0o755)
  // Under the names of Redis, also if it is a Valkey.
  await symlink(program.path, join(folder, 'redis-server'))
  await symlink(program.path.replace(/-server$/, '-cli'), join(folder, 'redis-cli'))
  const port = await findFreePort()
  const env = {
    PATH: `${folder}:${process.env.PATH}`,
    ...(program.libraryPath !== undefined && { LD_LIBRARY_PATH: program.libraryPath }),
  }
  const [shell, option, script] = service.command!.map(each => inFolder(each, secrets))
  const child: ChildProcess = spawn(shell!, [option!, `${script} --port ${port} --dir ${folder}`], {
    env,
    stdio: 'ignore',
  })
  await once(child, 'spawn')
  t.teardown(() => stopServer(child))
  const [, check] = service.healthcheck!.test.map(each => inFolder(each, secrets))
  await eventually(async () => {
    if (hasEnded(child)) throw new Error('Redis has ended.')
    await run('sh', ['-c', check!.replace('redis-cli', `redis-cli -p ${port}`)], { env })
  })
  const { stdout } = await run('redis-cli', ['-p', String(port), 'ping'], { env })
  t.match(stdout, 'NOAUTH', 'Redis requires the password')
  return port
}

/** Makes a database whose owner has the odd password, and returns the address of the file with this server's place. */
async function databaseOfRole(t: Test, url: string): Promise<string> {
  const { url: database } = await createTestDatabase(t)
  const { host, pathname } = new URL(database)
  const role = `${pathname.slice(1)}_owner`
  await query(testServers().postgresUrl, `create role ${role} superuser login password '${ODD.replaceAll("'", "''")}'`)
  t.teardown(() => query(testServers().postgresUrl, `drop role ${role}`))
  return url.replace('latchkey@', `${role}@`).replace('postgres:5432/latchkey', host + pathname)
}

async function makeFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-compose-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}
