import { execFile, spawn } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { runs, startedByRoot } from '../../src/embedded-postgres/server-user.js'
import { compiledPath } from '../support/compiled-path.js'
import { startEdge } from '../support/edge-process.js'
import { eventually } from '../support/eventually.js'
import { findFreePort } from '../support/free-port.js'
import { startGateway } from '../support/gateways/start-gateway.js'
import { HttpClient } from '../support/http-client.js'
import { environmentOf, type Mounted, mountVolumes } from '../support/kubernetes/container-environment.js'
import { containersOf, type KubernetesObject, podOf, renderOverlay } from '../support/kubernetes/manifests.js'
import { startContainerRedis } from '../support/kubernetes/start-container-redis.js'
import { runLatchkey } from '../support/run-latchkey.js'
import { query } from '../support/servers/query.js'
import { testServers } from '../support/servers/test-servers.js'
import { startService } from '../support/service-process.js'
import { createTestDatabase } from '../support/test-database.js'

// The programs with exactly the commands, settings and files of the manifests; only addresses are replaced.

const run = promisify(execFile)
const PASSWORD = `p@ss:w/o?r#d%41 &=+'"$\`{}é`
const secrets = {
  latchkey: {
    jwt_secret: `${'s'.repeat(40)}1\n`,
    jwt_refresh_secret: `${'r'.repeat(40)}2\n`,
    postgres_password: `${PASSWORD}\n`,
    redis_password: `${PASSWORD}\n`,
  },
}
/** The user of the manifests, if the tests run as root and this user can read the program. */
const user = await readingUser(1000)
const trial = await renderOverlay('trial')
const redisPort = await startContainerRedis(t, mounted(trial, 'redis', 'redis'))

t.test('the Redis of the trial requires the password, and evicts no key', async t => {
  const withoutPassword = new Redis(redisPort, { lazyConnect: true, enableReadyCheck: false })
  await t.rejects(withoutPassword.ping(), /NOAUTH/)
  const redis = new Redis(redisPort, { password: PASSWORD })
  t.same(await redis.config('GET', 'maxmemory-policy'), ['maxmemory-policy', 'noeviction'])
  await Promise.all([withoutPassword.quit(), redis.quit()])
})

t.test('the trial: people sign in through the gateway, and the service behind it gets their requests', async t => {
  const objects = trial
  const { env, cwd, container } = await prepared(t, objects, 'latchkey', 'latchkey')
  const port = env.PORT!
  t.same(container.command, ['node', 'dist/cli.js', 'serve'])
  const service = await startService(t, { env, cwd, ...user })
  for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
    const answer = await fetch(`http://127.0.0.1:${port}${probe.httpGet.path}`)
    t.equal(answer.status, 200, probe.httpGet.path)
  }
  t.same(await (await fetch(`${service.url}/readyz`)).json(), { status: 'ok', degraded: [] })

  const created = await runLatchkey(['clients', 'create', 'edge', '--scope', 'revocations', '--json'], { env, cwd })
  const { client_id, client_secret } = JSON.parse(created.stdout)
  // The form that a command of docs/kubernetes.md reads.
  t.match(created.stdout, new RegExp(`^  "client_id": "${client_id}",\n  "client_secret": "${client_secret}",$`, 'm'))
  const edgeSecrets = { ...secrets, 'latchkey-edge': { client_id, client_secret } }
  const beside = await prepared(t, objects, 'gateway', 'edge', edgeSecrets)
  t.same(beside.container.command, ['node', '--optimize-for-size', '--no-maglev', 'dist/cli.js', 'edge'])
  const edge = await startEdge(t, { ...beside.env, EDGE_BASE_URL: service.url })
  const [program, ...args] = beside.container.startupProbe.exec.command as string[]
  t.equal(program, 'node')
  const probe = args.map(text => text.replace('127.0.0.1:3001', `127.0.0.1:${edge.port}`))
  await t.resolves(run(process.execPath, probe), 'the probe of the edge')
  await t.rejects(
    run(
      process.execPath,
      args.map(text => text.replace(':3001', ':1')),
    ),
    'and it can fail',
  )

  const orders = await startOrders(t, objects)
  const gatewayPort = await findFreePort()
  const configuration = objects.find(({ kind, data }) => kind === 'ConfigMap' && data['nginx.conf'])!.data['nginx.conf']
  const addressed = (configuration as string)
    .replace('listen 8080;', `listen 127.0.0.1:${gatewayPort};`)
    .replaceAll('127.0.0.1:3001', `127.0.0.1:${edge.port}`)
    .replaceAll('http://latchkey:3000', service.url)
    .replaceAll('http://orders:8000', `http://127.0.0.1:${orders}`)
  const gateway = await startGateway(t, 'nginx', addressed, gatewayPort)

  const refused = await fetch(`${gateway}/orders/1`)
  t.equal(refused.status, 401)
  t.match(await refused.json(), { code: 'authentication_required' })
  t.equal(refused.headers.get('www-authenticate'), 'Bearer')
  const client = new HttpClient(gateway)
  t.teardown(() => client.close())
  const ada = { email: 'ada@example.com', password: 'a mill of brass', transport: 'body' }
  const { status, body } = await client.post('/auth/register', ada)
  t.equal(status, 201)
  const headers = { authorization: `Bearer ${body.access_token}`, 'x-auth-subject': 'root' }
  const answer = await fetch(`${gateway}/orders/1`, { headers })
  t.equal(answer.status, 200)
  t.equal(await answer.text(), `Orders of ${body.user.id}\n`)
  t.same(await readdir(cwd), [], 'the service writes no file')
  t.equal(await service.stop('SIGINT'), 0)
  const unavailable = { status: 503, headers: { 'retry-after': '1' } }
  t.match(await client.get('/livez'), unavailable, 'no service')
  await edge.stop('SIGKILL')
  t.match(await client.send('GET', '/orders/1', headers), unavailable, 'no edge')
})

t.test('production: no pod starts before the Job has made the tables', async t => {
  const objects = await renderOverlay('production')
  const { env, cwd } = await prepared(t, objects, 'latchkey', 'latchkey')
  t.match(await runLatchkey(['serve'], { env, cwd, ...user }), { code: 1, stderr: /run "latchkey migrate"/ })

  const job = await prepared(t, objects, 'latchkey-migrate', 'migrate')
  t.same(job.container.command, ['node', 'dist/cli.js', 'migrate'])
  const migrated = await runLatchkey(['migrate'], { env: { ...job.env, DATABASE_URL: env.DATABASE_URL }, cwd, ...user })
  t.match(migrated, { code: 0, stdout: 'Created the tables.\n' })
  const service = await startService(t, { env, cwd, ...user })
  t.equal(await service.stop('SIGINT'), 0)
})

t.test(
  'the edge of its own starts with its settings and rules, over HTTP and gRPC, and is alive without Latchkey',
  async t => {
    const objects = await renderOverlay('gateway-api')
    const edgeSecrets = { ...secrets, 'latchkey-edge': { client_id: 'an-id', client_secret: 'a-secret' } }
    const { env, container } = await prepared(t, objects, 'latchkey-edge', 'edge', edgeSecrets)
    t.same(container.command, ['node', '--optimize-for-size', '--no-maglev', 'dist/cli.js', 'edge'])
    const nowhere = `http://127.0.0.1:${await findFreePort()}`
    const edge = await startEdge(t, { ...env, EDGE_BASE_URL: nowhere }, { isReady: false })
    t.match(edge.stdout() + edge.stderr(), `gRPC on ${edge.grpc.split(':')[1]}`)
    for (const [probe, status] of [
      [container.livenessProbe, 200],
      [container.startupProbe, 200],
      [container.readinessProbe, 503],
    ] as const)
      t.equal((await fetch(`${edge.url}${probe.httpGet.path}`)).status, status)
    t.equal((await fetch(`${edge.url}/auth/verify/assets/app.js`)).status, 200, 'the rules of the overlay')
  },
)

/** The environment and the files of a container, with this machine's Postgres and Redis in place of its own. */
async function prepared(
  t: Test,
  objects: KubernetesObject[],
  owner: string,
  name: string,
  values: Mounted['secrets'] = secrets,
) {
  const given = mounted(objects, owner, name, values)
  const files = await mountVolumes(t, given)
  const env = environmentOf(given, files)
  if (env.DATABASE_URL !== undefined) env.DATABASE_URL = await databaseFor(t)
  if (env.REDIS_URL !== undefined) env.REDIS_URL = `redis://127.0.0.1:${redisPort}`
  for (const variable of ['PORT', 'METRICS_PORT'])
    if (env[variable] !== undefined) env[variable] = String(await findFreePort())
  return { env, cwd: files.cwd, container: given.container }
}

function mounted(
  objects: KubernetesObject[],
  owner: string,
  name: string,
  values: Mounted['secrets'] = secrets,
): Mounted {
  const { spec } = podOf(objects.find(({ metadata, spec }) => metadata.name === owner && spec?.template)!)!
  return { container: containersOf(spec).find(each => each.name === name)!, spec, objects, secrets: values }
}

/** The address of an empty database, whose owner has the password of the Secret. */
async function databaseFor(t: Test): Promise<string> {
  const { url } = await createTestDatabase(t)
  const { host, pathname } = new URL(url)
  const role = `${pathname.slice(1)}_owner`
  const empty = `${pathname.slice(1)}_empty`
  const { postgresUrl } = testServers()
  await query(postgresUrl, `create role ${role} login password '${PASSWORD.replaceAll("'", "''")}'`)
  await query(postgresUrl, `create database ${empty} owner ${role}`)
  t.teardown(async () => {
    await query(postgresUrl, `drop database ${empty} with (force)`)
    await query(postgresUrl, `drop role ${role}`)
  })
  return `postgres://${role}@${host}/${empty}`
}

/** Starts the service behind the gateway with its command; returns its port. */
async function startOrders(t: Test, objects: KubernetesObject[]): Promise<number> {
  const deployment = objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'orders')!
  const [, ...args] = podOf(deployment)!.spec.containers[0]!.command
  const port = await findFreePort()
  const child = spawn(
    process.execPath,
    args.map(text => text.replace('8000', String(port))),
    { stdio: 'inherit' },
  )
  t.teardown(() => child.kill())
  await eventually(async () => void (await fetch(`http://127.0.0.1:${port}`)))
  return port
}

async function readingUser(uid: number): Promise<{ uid: number } | Record<string, never>> {
  if (!startedByRoot()) return {}
  const canRead = await runs('/bin/sh', ['-c', 'test -r "$1"', 'sh', compiledPath('src/cli.ts')], { uid, gid: uid })
  return canRead ? { uid } : {}
}
