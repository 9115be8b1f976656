import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { catalogue } from '../../src/lib/errors.js'

const root = resolve(import.meta.dirname, '../..')
const script = join(root, 'scripts/error-docs.ts')

const run = (cwd: string, ...args: string[]) =>
  spawnSync(process.execPath, ['--import', import.meta.resolve('tsx'), script, ...args], { cwd, encoding: 'utf8' })

/** The source without the catalogue and without the lists of the errors that a route describes. */
function throwingSource(): string {
  const paths = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  return paths
    .filter(path => path.endsWith('.ts') && !path.startsWith('lib/error-catalogue/') && path !== 'http/schemas.ts')
    .map(path => readFileSync(join(root, 'src', path), 'utf8'))
    .join('\n')
    .replaceAll(/\b(?:errorResponses|adminErrors|oauthErrors)\([^()]*\)/g, '')
    .replaceAll(/\bconst [A-Z_]+ = \[[^\]]*\] as const satisfies ErrorCode\[\]/g, '')
}

t.test('the source throws every error of the catalogue', async t => {
  const source = throwingSource()
  for (const code of Object.keys(catalogue)) t.ok(source.includes(`'${code}'`), code)
})

t.test('docs/errors.md is up to date and describes every error of the catalogue', async t => {
  const { status, stderr } = run(root, '--check')
  t.equal(stderr, '')
  t.equal(status, 0)
  const page = readFileSync(join(root, 'docs/errors.md'), 'utf8')
  const described = [
    ...page.matchAll(/^### (\w+)\n\n\*\*(\d+)\*\* · .+\n\n- When: [A-Z`].+\.\n- What to do: [A-Z`].+\.$/gm),
  ]
  t.strictSame(
    described.map(([, code, status]) => [code, Number(status)]).sort(),
    Object.entries(catalogue)
      .map(([code, { status }]) => [code, status])
      .sort(),
  )
})

t.test('an outdated docs/errors.md fails the check, which names the command that updates it', async t => {
  const folder = t.testdir({ docs: { 'errors.md': 'old' } })
  const { status, stderr } = run(folder, '--check')
  t.equal(status, 1)
  t.match(stderr, /docs\/errors\.md is out of date: run npx tsx scripts\/error-docs\.ts/)
  t.equal(run(folder).status, 0)
  t.equal(run(folder, '--check').status, 0)
})
