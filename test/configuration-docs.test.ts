import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'

const script = resolve(import.meta.dirname, '../scripts/configuration-docs.ts')
const root = resolve(import.meta.dirname, '..')

function run(cwd: string, ...args: string[]) {
  return spawnSync(process.execPath, ['--import', import.meta.resolve('tsx'), script, ...args], {
    cwd,
    encoding: 'utf8',
  })
}

t.test('docs/configuration.md is up to date with the list of settings', async t => {
  const { status, stderr } = run(root, '--check')
  t.equal(stderr, '')
  t.equal(status, 0)
})

t.test('an outdated docs/configuration.md fails the check, which names the command that updates it', async t => {
  const dir = t.testdir({ docs: { 'configuration.md': 'old' } })
  const { status, stderr } = run(dir, '--check')
  t.equal(status, 1)
  t.match(stderr, /docs\/configuration\.md is out of date: run npx tsx scripts\/configuration-docs\.ts/)
  t.equal(readFileSync(join(dir, 'docs/configuration.md'), 'utf8'), 'old', 'the check does not change the file')

  t.equal(run(dir).status, 0)
  t.equal(run(dir, '--check').status, 0)
})

t.test('a missing docs/configuration.md fails the check', async t => {
  t.equal(run(t.testdir({ docs: {} }), '--check').status, 1)
})
