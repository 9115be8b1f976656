import { join } from 'node:path'
import t from 'tap'
import { eventually } from '../support/eventually.js'
import { externalStores } from '../support/external-stores.js'
import { HttpClient } from '../support/http-client.js'
import { spawnLatchkey } from '../support/latchkey-process.js'
import { runLatchkey } from '../support/run-latchkey.js'
import { makeFolder } from '../support/servers/embedded-fixture.js'
import { startService } from '../support/service-process.js'

const PASSWORD = 'a passphrase of their own'

t.test('events --follow prints new events, and goes on when the service starts again', async t => {
  const cwd = await makeFolder(t)
  const env = { SIGN_IN_FAILURE_DELAY: '0s' }
  const service = await startService(t, { cwd, env })
  const register = async (url: string, email: string) => {
    const client = new HttpClient(url)
    t.match(await client.post('/auth/register', { email, password: PASSWORD }), { status: 201 })
    client.close()
  }
  await register(service.url, 'ada@example.com')
  const following = spawnLatchkey({ args: ['events', '--follow', '--json'], cwd, env })
  t.teardown(() => following.child.kill('SIGKILL'))
  const types = () =>
    following
      .stdout()
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line).type)
  const become = (wanted: string[]) =>
    eventually(async () => {
      if (JSON.stringify(types()) !== JSON.stringify(wanted)) throw new Error(`${types()} ${following.stderr()}`)
    }, 30_000)
  await become(['signing_key_created', 'registered'])
  await register(service.url, 'bob@example.com')
  await become(['signing_key_created', 'registered', 'registered'])

  await service.stop('SIGINT')
  await eventually(async () => {
    if (!/database does not answer .*; waiting for it\./.test(following.stderr())) throw new Error(following.stderr())
  }, 30_000)
  const again = await startService(t, { cwd, env })
  await register(again.url, 'cid@example.com')
  await become(['signing_key_created', 'registered', 'registered', 'registered'])

  following.child.kill('SIGINT')
  t.equal(await following.exited, 0)
  await again.stop('SIGINT')
  t.match(await runLatchkey(['events', '--follow'], { cwd, env }), {
    code: 4,
    stdout: '',
    stderr: `No service runs on the data in ${join(cwd, '.latchkey')}: start it first.\n`,
  })
})

t.test('events tail --limit 0 prints only events that happen after its start', async t => {
  const { env } = await externalStores(t)
  const create = async (email: string) => {
    const { stdout } = await runLatchkey(['users', 'create', email, '--json'], { env })
    return JSON.parse(stdout).user.id as string
  }
  const earlier = await create('ada@example.com')
  const following = spawnLatchkey({ args: ['events', 'tail', '--limit', '0', '--json', '--actor', 'cli'], env })
  t.teardown(() => following.child.kill('SIGKILL'))
  let attempt = 0
  const later: string[] = []
  await eventually(async () => {
    later.push(await create(`bob${attempt++}@example.com`))
    if (following.stdout() === '') throw new Error(following.stderr())
  }, 30_000)
  const first = JSON.parse(following.stdout().split('\n')[0]!)
  t.ok(later.includes(first.user_id))
  t.notMatch(following.stdout(), earlier)
  t.match(await runLatchkey(['events', '--limit', '0', '--json'], { env }), { code: 0, stdout: '[]\n' })
  t.match(await runLatchkey(['users', 'list', '--limit', '0'], { env }), { code: 64, stderr: /whole number above 0/ })
})

t.test('events --follow ends when the reader of its output is gone', async t => {
  const { env } = await externalStores(t)
  const following = spawnLatchkey({ args: ['events', '--follow'], env })
  t.teardown(() => following.child.kill('SIGKILL'))
  await runLatchkey(['users', 'create', 'ada@example.com'], { env })
  await eventually(async () => {
    if (!following.stdout().includes('user_created')) throw new Error(following.stderr())
  }, 30_000)
  following.child.stdout!.destroy()
  await runLatchkey(['users', 'create', 'bob@example.com'], { env })
  t.equal(await following.exited, 0)
  t.match(following.stderr(), /^Database: .*\n$/)
})
