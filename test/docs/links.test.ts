import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import t from 'tap'
import { settings as serviceSettings } from '../../src/config/read-settings.js'
import { settingsIn } from '../../src/config/setting.js'
import { edgeSettings } from '../../src/config/settings/edge.js'
import { catalogue } from '../../src/lib/errors.js'

/** Those of the service and of `latchkey edge`. */
const settings = {
  ...serviceSettings,
  ...Object.fromEntries(settingsIn(edgeSettings).map(setting => [setting.variable, setting])),
}

const root = resolve(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

const pages = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...filesBelow('docs', /\.md$/)]
const source = ['src', 'packages/verifier/src', 'drizzle']
  .flatMap(folder => filesBelow(folder, /\.(ts|sql)$/))
  .map(read)
  .join('\n')

function filesBelow(folder: string, name: RegExp): string[] {
  const paths = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  return paths.filter(path => name.test(path)).map(path => join(folder, path))
}

/** The texts in single backticks, outside of code blocks. */
function inlineCode(page: string): string[] {
  const text = read(page).replaceAll(/^```.*?^```$/gms, '')
  return [...text.matchAll(/`([^`\n]+)`/g)].map(match => match[1]!)
}

/** The anchors of a page's headings, as GitHub generates them. */
function anchors(page: string): string[] {
  const headings = [...read(page).matchAll(/^#+ (.+)$/gm)].map(match => match[1]!)
  return headings.map(heading =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** A link or a picture, of Markdown or of HTML. */
const LINK = /(?:\]\(|<img src=")([^)\s"]+)[)"]/g

t.test('every link within the repository leads to an existing file and heading', async t => {
  for (const page of pages) {
    for (const [, target] of read(page).matchAll(LINK)) {
      if (/^[a-z]+:/.test(target!)) continue
      const [path, anchor] = target!.split('#') as [string, string?]
      const file = path === '' ? page : relative(root, resolve(root, dirname(page), path))
      t.notMatch(file, /^\.\./, `${page}: ${target} stays in the repository`)
      t.ok(existsSync(join(root, file)), `${page}: ${target}`)
      if (anchor !== undefined) t.ok(anchors(file).includes(anchor), `${page}: the heading of ${target}`)
    }
  }
})

t.test('every picture is shown on a page', async t => {
  const shown = [...pages, 'examples/spa/README.md'].flatMap(page =>
    [...read(page).matchAll(LINK)].map(([, target]) => join(dirname(page), target!)),
  )
  const pictures = filesBelow('docs/images', /\.\w+$/)
  t.ok(pictures.length > 20)
  t.same(
    pictures.filter(picture => !shown.includes(picture)),
    [],
  )
})

t.test('every page that the source points to exists', async t => {
  const named = new Set([...source.matchAll(/\bdocs\/[\w/-]+\.md\b/g)].map(match => match[0]))
  t.ok(named.size > 2)
  for (const page of named) t.ok(existsSync(join(root, page)), page)
})

t.test('every file and folder that a page names exists', async t => {
  for (const page of pages) {
    for (const code of inlineCode(page).filter(code => /^(src|drizzle|docs|test|scripts)\/[\w./-]*$/.test(code)))
      t.ok(existsSync(join(root, code)), `${page}: ${code}`)
  }
})

t.test('every variable that a page names is a setting', async t => {
  const others = new Set([
    // Used only by tests.
    ...['TEST_DATABASE_URL', 'TEST_REDIS_URL', 'TEST_REDIS_SERVER'],
    // Removed settings that the changelog mentions.
    'REFRESH_REPLAY_WINDOW',
    // A placeholder for any setting, and a variable that Kubernetes sets.
    ...['NAME_FILE', 'KUBERNETES_SERVICE_HOST'],
    // Variables of other services, which the verifier reads.
    ...['ID', 'SECRET', 'ASSERTION_FILE', 'KEY_FILE', 'KEY_ID'].map(part => `LATCHKEY_CLIENT_${part}`),
  ])
  for (const page of pages) {
    for (const code of inlineCode(page)) {
      const [, name] = /^([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|PORT|HOST)(?:=.*)?$/.exec(code) ?? []
      // Those of OpenTelemetry are not ours (src/tracing/settings.ts).
      if (name === undefined || others.has(name) || name.startsWith('OTEL_')) continue
      t.ok(name.replace(/_FILE$/, '') in settings || name in settings, `${page}: ${name}`)
    }
  }
})

t.test('every error code that the docs name after a status is in the catalogue with that status', async t => {
  let seen = 0
  for (const page of pages) {
    for (const [, status, list] of read(page).matchAll(/\b([45]\d\d) ((?:`[a-z_]+`(?:, | or )?)+)/g)) {
      for (const [, code] of list!.matchAll(/`([a-z_]+)`/g)) {
        seen++
        t.equal(catalogue[code as keyof typeof catalogue]?.status, Number(status), `${page}: ${status} ${code}`)
      }
    }
    for (const [, status, code] of read(page).matchAll(/^# → (\d+) .*"code":"(\w+)"/gm)) {
      seen++
      t.equal(catalogue[code as keyof typeof catalogue]?.status, Number(status), `${page}: ${status} ${code}`)
    }
  }
  t.ok(seen > 10)
})

t.test('every snake_case name in the docs exists in the source as a code, a column, an event or a claim', async t => {
  // Names of nginx, Envoy and Kong, a member of the test vectors, and settings of PgBouncer and of Postgres.
  const others = new Set([
    ...['worker_connections', 'proxy_http_version', 'status_on_error', 'ext_authz'],
    ...['untrusted_lua_sandbox_requires', 'has_id'],
    ...['max_client_conn', 'default_pool_size', 'server_login_retry', 'synchronous_standby_names'],
    ...['checkpoint_timeout', 'wal_compression', 'autovacuum_freeze_max_age', 'autovacuum_vacuum_cost_limit'],
    'pg_statio_user_tables',
    // The keys of the Secrets in Kubernetes.
    ...['jwt_secret', 'jwt_refresh_secret', 'postgres_password', 'redis_password', 'database_migration_url'],
  ])
  for (const page of pages) {
    for (const code of new Set(inlineCode(page).filter(code => /^[a-z]+(_[a-z]+)+$/.test(code)))) {
      if (others.has(code)) continue
      const camelCase = code.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
      t.ok(code in catalogue || new RegExp(`\\b(${code}|${camelCase})\\b`).test(source), `${page}: ${code}`)
    }
  }
})

t.test('the rotation table in docs/rotation.md has rows 0 to 9, to which the code refers', async t => {
  const rows = [...read('docs/rotation.md').matchAll(/^\| (\d) \|/gm)].map(match => Number(match[1]))
  t.same(rows, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

t.test('decision records are numbered without gaps or duplicates and have all their sections', async t => {
  const numbers = filesBelow('docs/adr', /\.md$/).map(path => Number(/(\d{4})-/.exec(path)?.[1]))
  t.same(
    numbers.sort((a, b) => a - b),
    [...numbers.keys()].map(at => at + 1),
  )
  for (const path of filesBelow('docs/adr', /\.md$/)) {
    t.match(read(path), new RegExp(`^# ${Number(/(\d{4})-/.exec(path)?.[1])}\\. `), path)
    for (const part of ['Context', 'Choice', 'Cost']) t.match(read(path), `\n## ${part}\n`, `${path}: ${part}`)
  }
})

t.test('.ci/run is executable, and every npm script that the docs name exists', async t => {
  t.ok(statSync(join(root, '.ci/run')).mode & 0o100)
  for (const page of ['README.md', 'CONTRIBUTING.md']) {
    const { scripts } = JSON.parse(read('package.json'))
    for (const [, name] of read(page).matchAll(/\bnpm run ([\w:]+)/g))
      t.ok(name! in scripts, `${page}: npm run ${name}`)
  }
})
