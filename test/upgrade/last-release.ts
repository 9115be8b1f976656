import { type ExecFileSyncOptions, execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** Another version of this repository: which one it is, and where it is built. */
export interface Release {
  /** Its tag, or its commit. */
  name: string
  folder: string
  /** Its program `latchkey`. */
  program: string
  /** The main file of its package `@latchkey/verifier`. */
  verifier: string
}

const root = resolve(import.meta.dirname, '../..')
/** Its errors are not printed: what they mean here is said below. */
const GIT: ExecFileSyncOptions = { cwd: root, maxBuffer: 2 ** 30, stdio: ['ignore', 'pipe', 'pipe'] }

/**
 * The newest migration of the last version whose tests all passed. It is set when the tests pass with newer ones, and
 * removed with the first tag. It names no commit, as several migrations can be made for one version, and the commits
 * between them need not work.
 */
const NEWEST_MIGRATION_OF_USERS = '0011_client_assertions'

/**
 * The version that users have: the commit or tag in the variable FROM; without it the newest tag of a version; without a
 * tag the last commit before the migrations that users do not have.
 *
 * @throws Error that says what is missing, if the history is not there
 */
export function findLastRelease(from = process.env.FROM): string {
  if (tryGit('rev-parse', '--git-dir') === undefined)
    throw new Error('This test needs the history of the repository: run it in a clone (git clone), with git installed.')
  if (from) return resolveCommit(from, `FROM is ${from}, which is no commit here. Fetch it, or name another one.`)
  const [tag] = git('tag', '--list', 'v*', '--sort=-version:refname').split('\n')
  if (tag) return resolveCommit(tag, `The tag ${tag} has no commit here: run git fetch --tags.`)
  const migrations = readdirSync(join(root, 'drizzle'))
    .filter(name => name.endsWith('.sql'))
    .sort()
  const at = migrations.indexOf(`${NEWEST_MIGRATION_OF_USERS}.sql`)
  if (at < 0)
    throw new Error(`There is no migration ${NEWEST_MIGRATION_OF_USERS}: correct test/upgrade/last-release.ts.`)
  const next = migrations[at + 1]
  const added = next && git('log', '--diff-filter=A', '--format=%H', '--', `drizzle/${next}`).split('\n').at(-1)
  // There is no newer migration, or it is not committed yet: users have the tables of everything that is committed.
  if (!added) return resolveCommit('HEAD', 'There is no commit yet.')
  return resolveCommit(
    `${added}^`,
    `There is no tag v*, and the history before the migration ${next} is missing: run git fetch --unshallow --tags, or set FROM.`,
  )
}

/** Writes the files of a version into an empty folder, and builds it there with the packages that it needs. */
export function buildRelease(commit: string, folder: string): Release {
  const archive = execFileSync('git', ['archive', commit], GIT)
  execFileSync('tar', ['-x', '-C', folder], { input: archive })
  if (canShareDependencies(folder)) shareDependencies(folder)
  else execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  return {
    name: git('describe', '--tags', '--always', commit),
    folder,
    program: join(folder, 'dist/cli.js'),
    verifier: join(folder, 'packages/verifier/dist/index.js'),
  }
}

interface Lock {
  packages: Record<string, { version?: string; link?: boolean; optional?: boolean }>
}

/** Whether each package that the version needs is installed here, at the same version and the same place. */
function canShareDependencies(folder: string): boolean {
  const needed = readLock(join(folder, 'package-lock.json'))
  const installed = readLock(join(root, 'node_modules/.package-lock.json'))
  return Object.entries(needed?.packages ?? {}).every(([path, { version, link, optional }]) => {
    if (link || !path.startsWith('node_modules/')) return true
    const found = installed?.packages[path]?.version
    return found === version || (optional && found === undefined)
  })
}

function readLock(path: string): Lock | undefined {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined
}

/** Links every installed package, except those of this repository: the version has its own. */
function shareDependencies(folder: string): void {
  const target = join(folder, 'node_modules')
  mkdirSync(join(target, '@latchkey'), { recursive: true })
  for (const name of readdirSync(join(root, 'node_modules')))
    if (name !== '@latchkey') symlinkSync(join(root, 'node_modules', name), join(target, name))
  for (const name of readdirSync(join(folder, 'packages')))
    symlinkSync(join(folder, 'packages', name), join(target, '@latchkey', name))
}

function resolveCommit(ref: string, problem: string): string {
  const commit = tryGit('rev-parse', '--verify', '--quiet', `${ref}^{commit}`)
  if (!commit) throw new Error(problem)
  return commit
}

function git(...args: string[]): string {
  return execFileSync('git', args, GIT).toString().trim()
}

function tryGit(...args: string[]): string | undefined {
  try {
    return git(...args)
  } catch {
    return undefined
  }
}
