import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { transform } from 'esbuild'
import openapiTS, { astToString } from 'openapi-typescript'
import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { listen } from '../support/raw-request.js'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')

/** The example, in a folder below this project, so that it finds the packages. */
async function folderWithClient(document: object): Promise<string> {
  const folder = await mkdtemp(join(root, '.test-build/client-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await copyFile(join(root, 'examples/typescript-client/main.ts'), join(folder, 'main.ts'))
  await writeFile(join(folder, 'latchkey.d.ts'), astToString(await openapiTS(document as never)))
  return folder
}

const { app } = await buildTestApp(t)
const latchkey = `http://127.0.0.1:${await listen(app)}`
const folder = await folderWithClient((await fetch(`${latchkey}/openapi.json`).then(answer => answer.json())) as object)

const types = './latchkey.js'
const mistakes = `import createClient from 'openapi-fetch'
import type { paths } from '${types}'
const latchkey = createClient<paths>()
await latchkey.POST('/auth/login', { body: { password: 'without a name' } })
await latchkey.POST('/auth/login')
await latchkey.POST('/auth/register', { body: { email: 'ada@example.com', password: 'x', transport: 'mail' } })
await latchkey.POST('/auth/change-password', { body: { newPassword: 'without the old one' } })
const { error } = await latchkey.POST('/auth/logout')
if (error?.code === 'email_taken') throw error
`
await writeFile(join(folder, 'mistakes.ts'), mistakes)
const messages = await compile('main.ts', 'mistakes.ts')

t.test('a client that is generated from the document compiles strictly', async t => {
  t.same(
    messages.filter(message => !message.startsWith('mistakes.ts(')),
    [],
  )
})

t.test('the types of the client refuse what the service refuses', async t => {
  const lines = messages.map(message => Number(/^mistakes\.ts\((\d+),/.exec(message)?.[1]))
  t.same([...new Set(lines)], [4, 5, 6, 7, 9])
})

t.test('the client signs in, refreshes, lists and revokes sessions, and signs out without a body', async t => {
  const { code } = await transform(await readFile(join(folder, 'main.ts'), 'utf8'), { loader: 'ts', format: 'esm' })
  await writeFile(join(folder, 'main.mjs'), code)
  const env = { ...process.env, LATCHKEY: latchkey }
  const { stdout } = await run(process.execPath, [join(folder, 'main.mjs')], { env })
  t.match(stdout, /^registered: ada-\d+@example\.com\nsigned in: Bearer\nrefreshed: true\nrevoked: 1\n/)
  t.match(stdout, /last event: \w+\nsigned out: 204\nrefused: The name or the password is wrong\.\n/)
  t.match(stdout, /refused: A refresh token is required\.\n$/)
})

/** The errors that the compiler reports, one for each. */
async function compile(...files: string[]): Promise<string[]> {
  const options = ['--strict', '--noUncheckedIndexedAccess', '--noEmit', '--skipLibCheck', 'false']
  const target = ['--target', 'es2023', '--module', 'nodenext', '--lib', 'es2023,dom,dom.iterable']
  const types = ['--typeRoots', join(root, 'node_modules/@types'), '--types', 'node']
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const { stdout } = await run(process.execPath, [tsc, ...options, ...target, ...types, ...files], {
    cwd: folder,
  }).catch(failed => failed as { stdout: string })
  return stdout.split('\n').filter(line => /^\S.*error TS/.test(line))
}
