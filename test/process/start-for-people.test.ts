import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { externalStores } from '../support/external-stores.js'
import { runLatchkey } from '../support/run-latchkey.js'
import { makeFolder } from '../support/servers/embedded-fixture.js'
import { startService } from '../support/service-process.js'

t.test('a start that a person watches says what it does, where everything is, and what comes next', async t => {
  const cwd = await makeFolder(t)
  const env = { LOG_FORMAT: 'pretty', DATA_DIR: 'my data' }
  const service = await startService(t, { cwd, env })
  const { port } = new URL(service.url)
  const output = service.output()
  const folder = join(cwd, 'my data')
  t.match(output, `Starting Postgres in ${folder} (first start: creates the database)…\n`)
  t.match(output, new RegExp(`^Latchkey is ready at http://localhost:${port} after \\d+\\.\\d s\\.$`, 'm'))
  t.match(output, `  Account page   http://localhost:${port}/account\n`)
  const { headers } = await fetch(service.url, { headers: { accept: 'text/html' }, redirect: 'manual' })
  t.equal(headers.get('location'), '/account', 'a browser is led to the account page')
  t.match(output, `  API            http://localhost:${port}/docs\n`)
  t.match(output, `  Data           ${folder}: `)
  t.match(output, /^ {2}Stop {11}Ctrl-C$/m)
  t.notMatch(output, '{"level"', 'no JSON')
  const { JWT_SECRET, JWT_REFRESH_SECRET } = JSON.parse(await readFile(join(folder, 'secrets.json'), 'utf8'))
  for (const secret of [JWT_SECRET, JWT_REFRESH_SECRET, await readFile(join(folder, 'postgres/password'), 'utf8')])
    t.notMatch(output, secret, 'no secret')

  const [, dataDir, args] = /^ {2}Administrator {2}DATA_DIR='(.+)' node .+\.m?js (.+)$/m.exec(output) ?? []
  t.equal(dataDir, 'my data')
  const created = await runLatchkey(args!.split(' '), { cwd, env })
  t.equal(created.code, 0, created.stderr)
  t.match(created.stdout, /you@example\.com/, 'the command for the first administrator works')
  t.equal(await service.interrupt(), 0)

  const again = await startService(t, { cwd, env })
  t.match(again.output(), `Starting Postgres in ${folder}…\n`, 'the second start does not create it')
  t.equal(await again.interrupt(), 0)
})

t.test('a program that reads the output gets only JSON lines', { buffered: true }, async t => {
  const { env } = await externalStores(t)
  const service = await startService(t, { env })
  t.equal(await service.stop('SIGINT'), 0)
  const lines = service.output().trim().split('\n')
  t.ok(lines.length > 1)
  for (const line of lines) t.ok(JSON.parse(line).msg, line)

  const pretty = await startService(t, { env: { ...env, LOG_FORMAT: 'pretty' } })
  t.match(pretty.output(), /^Connecting to Postgres and Redis…\nLatchkey is ready at /)
  t.notMatch(pretty.output(), new URL(env.DATABASE_URL!).password)
  t.equal(await pretty.stop('SIGINT'), 0)
})
