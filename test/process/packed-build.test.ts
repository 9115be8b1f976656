import { chown, mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { stillRuns } from '../../src/embedded-postgres/process-lock.js'
import { runs, startedByRoot } from '../../src/embedded-postgres/server-user.js'
import { buildService } from '../support/build-package.js'
import { findFreePort } from '../support/free-port.js'
import { HttpClient } from '../support/http-client.js'
import { PASSWORD } from '../support/people.js'
import { makeFolder, postgresOf } from '../support/servers/embedded-fixture.js'
import { startService } from '../support/service-process.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const nobody = { uid: 65534, gid: 65534 }

t.test('the published package starts in an empty folder and keeps its data after a restart', async t => {
  const folder = await makeFolder(t)
  const program = await build(folder)
  await startsTwice(t, { program, cwd: join(folder, 'home') })

  t.test('the published package works for a user who is not root', async t => {
    if (!startedByRoot()) return t.comment('The first part of this test already ran without root.')
    const reachable = await Promise.all([
      runs(process.execPath, ['-v'], nobody),
      runs('/bin/sh', ['-c', 'test -x "$1"', 'sh', `${root}node_modules`], nobody),
    ])
    if (reachable.includes(false)) return t.comment('Other users cannot read Node or the packages.')
    const cwd = join(folder, 'home-of-nobody')
    await mkdir(cwd)
    await chown(cwd, nobody.uid, nobody.gid)
    await startsTwice(t, { program, cwd, uid: nobody.uid })
  })
})

async function startsTwice(t: Test, options: { program: string; cwd: string; uid?: number }): Promise<void> {
  const env = { PORT: String(await findFreePort()), HOME: '/nonexistent' }
  const first = await startService(t, { ...options, env })
  t.comment(`first start: ready after ${first.readyAfterMs} ms`)
  const page = await fetch(`${first.url}/account`)
  t.match(await page.text(), /<script type="module" src="\/account\/en-/, 'the account page is in the package')
  const client = new HttpClient(first.url)
  t.teardown(() => client.close())
  const ann = { email: 'ann@example.com', password: PASSWORD, transport: 'body' }
  const { status, body } = await client.post('/auth/register', ann)
  t.equal(status, 201)
  t.match(
    first.output(),
    /embedded mode: Postgres and the secrets are in \.latchkey, .* for one process, not for production/,
  )
  const postgres = await postgresOf(join(options.cwd, '.latchkey/postgres'))
  t.equal(await first.interrupt(), 0, 'Ctrl-C stops it')
  t.notOk(stillRuns(postgres), 'its Postgres has stopped too')

  const second = await startService(t, { ...options, env })
  t.comment(`second start: ready after ${second.readyAfterMs} ms`)
  t.match(await client.get('/auth/verify', body.access_token), { status: 200 }, 'the signing keys are kept')
  t.match(
    await client.post('/auth/refresh', { refresh_token: body.refresh_token }),
    { status: 200 },
    'the sessions are kept',
  )
  t.match(await client.post('/auth/login', ann), { status: 200, body: { user: { id: body.user.id } } })
  const next = await postgresOf(join(options.cwd, '.latchkey/postgres'))
  t.equal(await second.stop('SIGTERM'), 0)
  t.notOk(stillRuns(next))
}

/** Returns the path of cli.js. The dependencies of the service are those of the repository. */
async function build(folder: string): Promise<string> {
  await buildService(join(folder, 'package'))
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  await mkdir(join(folder, 'home'))
  return join(folder, 'package/dist/cli.js')
}
