import { execFile, spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'

// The scripts of `npm start` and `npm run build`, on a small program in place of Latchkey.

const root = resolve(import.meta.dirname, '../..')

t.test('npm start compiles the sources when they have changed, and only then', async t => {
  const project = await makeProject(t, { compiler: true })
  t.match(await project.start('--flag'), { code: 0, stdout: 'one serve --flag\n', stderr: '' })
  const builtAt = await project.builtAt()
  t.match(await project.start(), { stdout: 'one serve\n' })
  t.equal(await project.builtAt(), builtAt, 'nothing was compiled again')

  await writeFile(join(project.folder, 'src/word.ts'), "export const word: string = 'two'\n")
  t.match(await project.start(), { stdout: 'two serve\n' })
  t.not(await project.builtAt(), builtAt)

  await writeFile(join(project.folder, 'src/word.ts'), 'export const word: string = one two\n')
  t.match(await project.start(), { code: 1, stdout: '', stderr: /^The sources cannot be compiled: .*word\.ts/s })
})

t.test('the compiled form of a removed source does not stay', async t => {
  const project = await makeProject(t, { compiler: true })
  await project.start()
  await writeFile(join(project.folder, 'src/cli.ts'), "console.log('alone')\n")
  await rm(join(project.folder, 'src/word.ts'))
  t.match(await project.start(), { stdout: 'alone\n' })
  t.strictSame(await readdir(join(project.folder, 'dist')), ['.sources', 'cli.js'])
})

t.test('an interrupted build does not count as a build', async t => {
  const project = await makeProject(t, { compiler: true })
  await project.start()
  // As after a kill: the file of the first source is new, the second is missing, and the draft is still there.
  const dist = join(project.folder, 'dist')
  await rm(join(dist, '.sources'))
  await rm(join(dist, 'word.js'))
  await mkdir(join(dist, '.new-999999999'))
  await writeFile(join(dist, '.new-999999999/word.js'), 'broken')
  t.match(await project.start(), { code: 0, stdout: 'one serve\n' })
  t.strictSame(
    (await readdir(dist, { recursive: true })).filter(name => name.endsWith('.js')),
    ['cli.js', 'word.js'],
  )
})

t.test('a build with a missing file is built again', async t => {
  const project = await makeProject(t, { compiler: true })
  await project.start()
  await rm(join(project.folder, 'dist/word.js'))
  t.match(await project.start(), { code: 0, stdout: 'one serve\n' })
})

t.test('several starts at once in one folder all start', async t => {
  const project = await makeProject(t, { compiler: true })
  const results = await Promise.all([1, 2, 3, 4].map(() => project.start()))
  for (const result of results) t.match(result, { code: 0, stdout: 'one serve\n' })
})

t.test('a package of the repository is compiled before the service, and when its sources have changed', async t => {
  const project = await makeProject(t, { compiler: false })
  const folder = join(project.folder, 'packages/words')
  await mkdir(join(folder, 'src'), { recursive: true })
  const manifest = { name: 'words', type: 'module', exports: './dist/index.js' }
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest))
  await cp(join(root, 'packages/verifier/tsconfig.build.json'), join(folder, 'tsconfig.build.json'))
  await writeFile(join(folder, 'src/index.ts'), "export const word: string = 'packed'\n")
  await writeFile(join(project.folder, 'src/word.ts'), "export { word } from 'words'\n")
  await installAll(project.folder)
  t.match(await project.start(), { code: 0, stdout: 'packed serve\n', stderr: '' })
  const builtAt = await project.builtAt()

  await writeFile(join(folder, 'src/index.ts'), "export const word: string = 'changed'\n")
  t.match(await project.start(), { code: 0, stdout: 'changed serve\n' })
  t.equal(await project.builtAt(), builtAt, 'the service was not compiled again')

  t.equal((await project.run('scripts/build.mjs')).code, 0)
  t.match(await readFile(join(folder, 'dist/index.d.ts'), 'utf8'), 'word: string')
  await rm(join(folder, 'dist'), { recursive: true })
  await rm(join(project.folder, 'node_modules/esbuild'))
  t.match((await project.start()).stderr, /^packages\/words\/dist\/ is missing, and the compiler is not installed: run/)
})

t.test('without the compiler, what is built starts, and what is not says what to do', async t => {
  const project = await makeProject(t, { compiler: true })
  await project.start()
  await rm(join(project.folder, 'node_modules'))
  t.match(await project.start(), { code: 0, stdout: 'one serve\n' }, 'as after npm prune --omit=dev')

  await writeFile(join(project.folder, 'src/word.ts'), "export const word: string = 'two'\n")
  const outdated = await project.start()
  t.match(outdated, {
    code: 1,
    stdout: '',
    stderr: /^The sources have changed since dist\/ was built, and the compiler/,
  })
  t.match(
    outdated.stderr,
    /npm ci --include=dev && npm run build.*or start the earlier build with "node dist\/cli\.js serve"\.\n$/,
  )

  await rm(join(project.folder, 'dist/.sources'))
  t.match(await project.start(), { code: 1, stderr: /^dist\/ is incomplete, and the compiler is not installed: run/ })
  await rm(join(project.folder, 'dist'), { recursive: true })
  t.match(await project.start(), {
    code: 1,
    stderr: /^dist\/ is missing, and the compiler is not installed: run "npm ci/,
  })
})

t.test('without the packages, npm start and npm run build say what to do', async t => {
  const project = await makeProject(t, { compiler: true })
  await project.start()
  await rm(join(project.folder, 'node_modules'))
  const build = await project.run('scripts/build.mjs')
  t.match(build, {
    code: 1,
    stdout: '',
    stderr: /^The compiler is not installed: run "npm ci --include=dev && npm run build".*\n$/,
  })

  const dependencies = { '@fastify/cors': '1.0.0', commander: '1.0.0' }
  await writeFile(join(project.folder, 'package.json'), JSON.stringify({ type: 'module', dependencies }))
  const start = await project.start()
  t.match(start, { code: 1, stdout: '' })
  t.equal(start.stderr, 'Packages are not installed (@fastify/cors and 1 more): run "npm ci", and then start again.\n')
  await mkdir(join(project.folder, 'node_modules/@fastify/cors'), { recursive: true })
  t.match((await project.start()).stderr, /^Packages are not installed \(commander\): run/, 'as after a git pull')
  await mkdir(join(project.folder, 'node_modules/commander'))
  t.match(await project.start(), { code: 0, stdout: 'one serve\n' })
})

t.test('npm run build adds declarations, checks the types, and is current for npm start', async t => {
  const project = await makeProject(t, { compiler: true })
  t.equal((await project.run('scripts/build.mjs')).code, 0)
  const dist = join(project.folder, 'dist')
  t.match(await readFile(join(dist, 'word.d.ts'), 'utf8'), 'word: string')
  t.equal((await stat(join(dist, 'cli.js'))).mode & 0o111, 0o111, 'cli.js can be run')
  const builtAt = await project.builtAt()
  t.match(await project.start(), { stdout: 'one serve\n' })
  t.equal(await project.builtAt(), builtAt)

  await writeFile(join(project.folder, 'src/word.ts'), 'export const word: string = 1\n')
  t.not((await project.run('scripts/build.mjs')).code, 0)
  t.match(await readFile(join(dist, 'word.js'), 'utf8'), 'one', 'dist stays as it was')
})

t.test('at a terminal, npm start says at once what it does', async t => {
  const project = await makeProject(t, { compiler: true })
  const child = spawn('script', ['-qec', `env -i ${process.execPath} scripts/start.mjs`, '/dev/null'], {
    cwd: project.folder,
  })
  let output = ''
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString()
  })
  const code = await new Promise(done => {
    child.on('error', () => done('missing'))
    child.on('close', done)
  })
  if (code === 'missing') return t.comment('The program script, which makes a terminal, is not installed.')
  t.match(output, /^Starting Latchkey…\r\nCompiling the sources…\r\none serve\r\n/)
})

/** As npm does: the packages of the repository are links among the others. */
async function installAll(folder: string): Promise<void> {
  await mkdir(join(folder, 'node_modules'))
  await symlink('../packages/words', join(folder, 'node_modules/words'))
  for (const name of ['esbuild', 'typescript', '@types'])
    await symlink(join(root, 'node_modules', name), join(folder, 'node_modules', name))
}

async function makeProject(t: Test, { compiler }: { compiler: boolean }) {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-start-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'src'))
  await mkdir(join(folder, 'scripts'))
  for (const name of ['start.mjs', 'build.mjs', 'dist.mjs', 'bundle-edge.mjs', 'account-page.mjs'])
    await cp(join(root, 'scripts', name), join(folder, 'scripts', name))
  for (const name of ['tsconfig.json', 'tsconfig.build.json']) await cp(join(root, name), join(folder, name))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }\n')
  await writeFile(
    join(folder, 'src/cli.ts'),
    `import { word } from ${JSON.stringify('./word.js')}\nconsole.log(word, ...process.argv.slice(2))\n`,
  )
  await writeFile(join(folder, 'src/word.ts'), "export const word: string = 'one'\n")
  if (compiler) await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))

  const run = (...args: string[]) =>
    new Promise<{ code: number; stdout: string; stderr: string }>(done => {
      // tap adds its loader to the environment of every Node process that a test spawns; env -i removes it.
      const command = ['-i', `PATH=${process.env.PATH}`, process.execPath, ...args]
      execFile('/usr/bin/env', command, { cwd: folder }, (error, stdout, stderr) => {
        done({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr })
      })
    })
  return {
    folder,
    run,
    start: (...args: string[]) => run('scripts/start.mjs', ...args),
    builtAt: async () => (await stat(join(folder, 'dist/.sources'))).mtimeMs,
  }
}
