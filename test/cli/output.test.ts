import { closeSync, existsSync, openSync } from 'node:fs'
import t from 'tap'
import { externalStores } from '../support/external-stores.js'
import { spawnLatchkey } from '../support/latchkey-process.js'
import { runLatchkey } from '../support/run-latchkey.js'

/** Every write to it fails, as on a full disk. */
const FULL = '/dev/full'
const PROBLEM = 'could not be written to standard output (ENOSPC: no space left on device).'

t.test('a result that cannot be written is one sentence and exit code 1', { skip: !existsSync(FULL) }, async t => {
  const { env } = await externalStores(t)
  const full = openSync(FULL, 'w')
  t.teardown(() => closeSync(full))
  const run = async (...args: string[]) => {
    const { exited, stderr } = spawnLatchkey({ args, env, output: full })
    return { code: await exited, stderr: stderr().replace(/^Database: .*\n/, '') }
  }
  t.same(await run('users', 'create', 'ann@example.com'), {
    code: 1,
    stderr: `The command was carried out, but its result ${PROBLEM}\n`,
  })
  const message = `The command was carried out, but its result ${PROBLEM}`
  t.same(await run('users', 'create', 'bob@example.com', '--json'), {
    code: 1,
    stderr: `${JSON.stringify({ error: { code: 'output_failed', message } })}\n`,
  })
  const { stdout } = await runLatchkey(['users', 'list'], { env })
  for (const email of ['ann@example.com', 'bob@example.com']) t.match(stdout, email, 'it was carried out')

  const reading = [['users', 'list'], ['users', 'show', 'ann@example.com'], ['events'], ['events', '--follow']]
  for (const args of [...reading, ['--help'], ['users', 'list', '--help'], ['--version']])
    t.same(await run(...args), { code: 1, stderr: `The result ${PROBLEM}\n` }, args.join(' '))
})

t.test('with --json every exit code but 0 has one error object on stderr', async t => {
  const { env } = await externalStores(t)
  const error = (code: string, message: string) => `${JSON.stringify({ error: { code, message } })}\n`
  t.same(await runLatchkey(['sessions', 'revoke', 'nope', '--json'], { env }), {
    code: 3,
    stdout: `${JSON.stringify({ revoked: [], not_live: ['nope'] }, null, 2)}\n`,
    stderr: error('session_not_found', 'No live session has the id nope.'),
  })
  const { exited, child, stderr } = spawnLatchkey({ args: ['users', 'import', '-', '--json'], env, input: true })
  child.stdin!.end('not JSON\n')
  t.equal(await exited, 2)
  const [line, last] = stderr()
    .trim()
    .split('\n')
    .map(text => JSON.parse(text))
  t.match(line, { line: 1 })
  t.same(last, { error: { code: 'incomplete', message: '1 line was left out.' } })
})
