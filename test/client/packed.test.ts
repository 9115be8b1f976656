import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { makeFolder } from '../support/servers/embedded-fixture.js'

// The package as an application gets it: compiled with its types, in a folder of its own.

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '../..')
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')

const USE = `
  import { AuthError, createAuthClient, type AuthClient, type Session, type User } from '@latchkey/client'
  import { attach } from '@latchkey/client/axios'
  import { createLetters, type Letters } from '@latchkey/client/letters'
  import { AuthProvider, useEvents, useSession, useSessions } from '@latchkey/client/react'
  import { readSession } from '@latchkey/client/server'
  import axios from 'axios'
  export const client: AuthClient = createAuthClient({ baseUrl: 'https://auth.example.com' })
  attach(axios.create(), client)
  export const letters: Letters = createLetters(client)
  export const registered: Promise<User | undefined> = client.register({ email: '', password: '' })
  export const hooks = [AuthProvider, useEvents, useSession, useSessions]
  export const reader: Promise<{ user: User } | null> = readSession(new Request('https://a.example'), { baseUrl: '' })
  export const answer: Promise<Response> = client.fetch(new URL('https://a.example'), { method: 'POST', body: new FormData() })
  export const labels: Promise<(string | null)[]> = client.sessions.list().then(list => list.map((s: Session) => s.label))
  export const codeOf = (error: unknown): string | undefined => (error instanceof AuthError ? error.code : undefined)
`

t.test('the package compiles in an application, and contains what its manifest names', async t => {
  const app = await makeFolder(t)
  const client = join(app, 'node_modules/@latchkey/client')
  await mkdir(client, { recursive: true })
  for (const file of ['package.json', 'README.md', 'LICENSE'])
    await cp(join(root, 'packages/client', file), join(client, file))
  await run(process.execPath, [
    tsc,
    '-p',
    join(root, 'packages/client/tsconfig.build.json'),
    '--outDir',
    join(client, 'dist'),
  ])
  for (const name of ['axios', 'react', 'csstype', '@types/react', '@types/prop-types']) {
    await mkdir(join(app, 'node_modules', name, '..'), { recursive: true })
    await symlink(join(root, 'node_modules', name), join(app, 'node_modules', name))
  }

  t.test('types need no skipLibCheck and nothing of Node, and are not any', async t => {
    const compilerOptions = {
      target: 'ES2022',
      module: 'ESNext',
      moduleResolution: 'bundler',
      lib: ['ES2022', 'DOM', 'DOM.Iterable'],
      types: [],
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
    }
    await writeFile(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
    await writeFile(join(app, 'use.ts'), USE)
    await writeFile(join(app, 'wrong.ts'), `import { client } from './use'\nexport const wrong: number = client.user\n`)
    const { stdout } = await run(process.execPath, [tsc, '-p', app]).catch(error => error)
    const errors = stdout.trim().split('\n')
    t.match(errors[0], /wrong\.ts.*is not assignable to type 'number'/)
    t.notOk(
      errors.some((line: string) => /(use\.ts|node_modules)/.test(line)),
      stdout,
    )
  })

  t.test('its entries load in Node, where a client does nothing by itself', async t => {
    await writeFile(
      join(app, 'load.mjs'),
      `import { createAuthClient } from '@latchkey/client'
       import { readSession } from '@latchkey/client/server'
       createAuthClient({ baseUrl: 'http://localhost:1' })
       console.log(await readSession({ headers: {} }, { baseUrl: '' }))`,
    )
    const { stdout, stderr } = await run(process.execPath, [join(app, 'load.mjs')], { timeout: 20_000 })
    t.equal(stdout + stderr, 'null\n', 'and the process ends')
  })

  t.test('every file that the manifest names exists', async t => {
    const manifest = JSON.parse(await readFile(join(client, 'package.json'), 'utf8'))
    const service = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
    const { paths } = JSON.parse(await readFile(join(root, 'tsconfig.json'), 'utf8')).compilerOptions
    t.equal(manifest.version, service.version)
    t.notOk('dependencies' in manifest)
    for (const [entry, files] of Object.entries<{ types: string; default: string }>(manifest.exports)) {
      if (entry === './package.json') continue
      for (const file of [files.types, files.default]) t.ok(await readFile(join(client, file)), file)
      const source = files.default.replace('./dist/', './packages/client/src/').replace(/\.js$/, '.ts')
      t.strictSame(paths[`@latchkey/client${entry.slice(1)}`], [source])
    }
  })
})
