import { execFile } from 'node:child_process'
import { cp, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { compile } from '../examples/packed-consumer.js'
import { makeFolder } from '../support/servers/embedded-fixture.js'

// The package as other services get it: packed by npm in a checkout, and installed by npm in an empty folder. What it depends on comes
// from the registry or from npm's cache.

const root = resolve(import.meta.dirname, '../..')
const NAME = '@latchkey/verifier'
const MAX_BYTES = 1_000_000
const MAX_DEPENDENCIES = 2

const readJson = async (path: string) => JSON.parse(await readFile(path, 'utf8'))
const manifest = await readJson(join(root, 'packages/verifier/package.json'))
const service = await readJson(join(root, 'package.json'))
/** The names after the package's: '', '/fastify' … */
const entries = Object.keys(manifest.exports)
  .filter(entry => entry !== './package.json')
  .map(entry => entry.slice(1))

t.test('the packed package, installed in an empty folder', async t => {
  const folder = await makeFolder(t)
  const tarball = await pack(folder)
  const app = join(folder, 'app')
  await mkdir(app)
  await writeFile(join(app, 'package.json'), '{ "private": true }\n')
  await npm(app, 'install', '--prefer-offline', '--no-audit', '--no-fund', tarball)
  const { packages } = await readJson(join(app, 'node_modules/.package-lock.json'))
  const installed = Object.keys(packages).map(path => path.replace(/^.*node_modules\//, ''))

  t.test('brings few packages, none of the service, and less than a megabyte', async t => {
    t.ok(installed.includes(NAME))
    const others = installed.filter(name => name !== NAME)
    t.comment(`with it come: ${others.join(', ')}`)
    t.ok(others.length <= MAX_DEPENDENCIES, others.join(', '))
    for (const name of others) t.notOk(name in service.dependencies, `${name} is not a dependency of the service`)
    const bytes = await sizeOf(join(app, 'node_modules'))
    t.comment(`all together ${Math.round(bytes / 1000)} kB`)
    t.ok(bytes < MAX_BYTES)
  })

  t.test('contains its build, its licence and its README, and no other file', async t => {
    const files = await filesIn(join(app, 'node_modules', NAME))
    const sources = (await filesIn(join(root, 'packages/verifier/src'))).map(path => path.replace(/\.ts$/, ''))
    const built = sources.flatMap(path => [`dist/${path}.js`, `dist/${path}.d.ts`])
    t.same(new Set(files), new Set([...built, 'package.json', 'README.md', 'LICENSE']))
    for (const { types, default: code } of Object.values<Record<string, string>>(manifest.exports))
      for (const path of [types, code]) if (path) t.ok(files.includes(path.slice(2)), path)
  })

  t.test('has an entry for each name, which loads without a framework by import and by require', async t => {
    const names = JSON.stringify(entries.map(entry => NAME + entry))
    // Node adds __esModule to a default export that is required.
    const print = (load: string) =>
      `for (const name of ${names}) console.log(Object.keys(${load}).filter(key => key !== '__esModule'))\n`
    await writeFile(join(app, 'load.mjs'), print('await import(name)'))
    await writeFile(join(app, 'load.cjs'), print('require(name)'))
    const imported = await node(app, 'load.mjs')
    const required = await node(app, 'load.cjs')
    t.match(imported.stdout, /'createVerifier'/)
    t.equal(required.stdout, imported.stdout, 'with the same exports')
    t.equal(imported.stderr, '')
    t.notMatch(required.stderr, /Error/)
  })

  t.test('refuses and accepts in an ES module and in CommonJS', async t => {
    const body = `
      const verifier = createVerifier({ issuer: 'https://auth.example.com', fetch: () => Promise.reject(new Error('no network')), log: { info() {}, warn() {}, error() {} } })
      verifier.verify('not.a.token').catch(error => console.log(error instanceof VerifierError, error.code, error.status))
        .then(() => verifier.close())
    `
    const names = '{ createVerifier, VerifierError }'
    await writeFile(join(app, 'use.mjs'), `import ${names} from '${NAME}'\n${body}`)
    await writeFile(join(app, 'use.cjs'), `const ${names} = require('${NAME}')\n${body}`)
    for (const program of ['use.mjs', 'use.cjs'])
      t.equal((await node(app, program)).stdout, 'true token_invalid 401\n', program)
  })

  t.test('has types that need no skipLibCheck, in an ES module and in CommonJS', async t => {
    await linkTypesOfNode(app)
    const source = `
      import { createVerifier, type Principal, VerifierError } from '${NAME}'
      const verifier = createVerifier({ issuer: 'https://auth.example.com', client: { id: 'id', secret: 'secret' } })
      export async function nameOf(token: string): Promise<string | undefined> {
        try {
          const { userId }: Principal = verifier.verifyKnown(token) ?? (await verifier.verify(token))
          return userId
        } catch (error) {
          if (error instanceof VerifierError && error.status === 401) return undefined
          throw error
        }
      }
    `
    for (const file of ['typed.mts', 'typed.cts']) await writeFile(join(app, file), source)
    await writeFile(
      join(app, 'wrong.mts'),
      `${source}\nexport const wrong: number = (await verifier.verify('')).roles\n`,
    )
    const errors = (await errorsIn(app, ['typed.mts', 'typed.cts', 'wrong.mts'])).trim().split('\n')
    t.equal(errors.length, 1, errors.join('\n'))
    t.match(errors[0], /wrong\.mts.*not assignable to type 'number'/, 'types are not any')
  })
})

t.test('the packed service contains the package, and nothing else of packages/', async t => {
  const { stdout } = await npm(root, 'pack', '--dry-run', '--json', '--ignore-scripts')
  const [{ bundled, files }] = JSON.parse(stdout)
  t.same(new Set(bundled), new Set([NAME, ...Object.keys(manifest.dependencies)]))
  t.notOk(files.some(({ path }: { path: string }) => path.startsWith('packages/')))
})

t.test('the package has the version of the service, which depends on exactly this version', async t => {
  t.equal(manifest.version, service.version)
  t.equal(service.dependencies[NAME], manifest.version)
  t.strictSame(service.bundleDependencies, [NAME])
  t.strictSame(manifest.engines, service.engines)
  t.equal(manifest.license, service.license)
})

t.test('tests, scripts and the linter know each entry of the package', async t => {
  const { paths } = (await readJson(join(root, 'tsconfig.json'))).compilerOptions
  t.same(
    Object.fromEntries(entries.map(entry => [NAME + entry, [sourceOf(entry)]])),
    Object.fromEntries(Object.entries(paths).filter(([name]) => name.startsWith(NAME))),
  )
})

function sourceOf(entry: string): string {
  const { default: code } = manifest.exports[`.${entry}`]
  return code.replace('./dist/', './packages/verifier/src/').replace(/\.js$/, '.ts')
}

/**
 * Packs the package in a copy of this checkout in which only `npm start` has run, which compiles without types. Returns
 * the path of the tarball.
 */
async function pack(folder: string): Promise<string> {
  const checkout = join(folder, 'checkout')
  const configuration = ['package.json', 'tsconfig.json', 'tsconfig.build.json']
  for (const name of [...configuration, 'scripts', 'src', 'packages/verifier', 'packages/client/src'])
    await cp(join(root, name), join(checkout, name), {
      recursive: true,
      filter: path => !/\/(dist|node_modules)$/.test(path),
    })
  await symlink(join(root, 'node_modules'), join(checkout, 'node_modules'))
  await node(checkout, '--input-type=module', '--eval', "await (await import('./scripts/dist.mjs')).buildFast()")
  const verifier = join(checkout, 'packages/verifier')
  const built = await readdir(join(verifier, 'dist'))
  if (!built.includes('index.js') || built.includes('index.d.ts')) throw new Error(`no build of npm start: ${built}`)
  await npm(verifier, 'pack', '--pack-destination', folder)
  const packed = (await readdir(folder)).filter(name => name.endsWith('.tgz'))
  return join(folder, packed[0]!)
}

const run = promisify(execFile)

/** npm as a user runs it, not as a script of this repository. */
function npm(cwd: string, ...args: string[]) {
  const env = Object.entries(process.env).filter(
    ([name]) => !/^(NODE_OPTIONS|TAP|_TAPJS|npm_(?!config_)|npm_config_local)/.test(name),
  )
  return run('npm', args, { cwd, env: Object.fromEntries(env), maxBuffer: 16 * 1024 * 1024 })
}

function node(cwd: string, ...args: string[]) {
  return run(process.execPath, args, { cwd, env: { PATH: process.env.PATH } })
}

/** The application's own types of Node; the package needs no others. */
async function linkTypesOfNode(app: string): Promise<void> {
  await mkdir(join(app, 'node_modules/@types'))
  const folder = resolve(createRequire(import.meta.url).resolve('@types/node/package.json'), '..')
  await symlink(folder, join(app, 'node_modules/@types/node'))
}

async function errorsIn(app: string, files: readonly string[]): Promise<string> {
  const compilerOptions = {
    target: 'ES2023',
    module: 'NodeNext',
    lib: ['ES2023'],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
  }
  await writeFile(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  return compile(app)
}

/** All files below a folder, by their paths in it. */
async function filesIn(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  return found.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1))
}

async function sizeOf(folder: string): Promise<number> {
  const sizes = (await filesIn(folder)).map(async path => (await stat(join(folder, path))).size)
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}
