import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { importUsers } from '../../src/cli/import-users.js'
import { argon2id } from '../../src/domain/passwords/argon2id.js'
import { buildTestApp } from '../support/build-test-app.js'
import { externalStores } from '../support/external-stores.js'
import { HttpClient } from '../support/http-client.js'
import { spawnLatchkey } from '../support/latchkey-process.js'
import { runLatchkey } from '../support/run-latchkey.js'
import { startService } from '../support/service-process.js'

const PASSWORD = 'a passphrase of their own'
const password_hash = argon2id.hashSync(PASSWORD)

async function open(t: Test) {
  const { env, database } = await externalStores(t)
  const folder = t.testdir({})
  return {
    env,
    database,
    /** Every account as it is stored, sorted by e-mail. */
    accounts: async () => database.admin`select * from users order by email`,
    /** Imports these lines; objects become accounts with a hash. */
    importLines: (...lines: (object | string)[]) => run(lines),
    /** The same with a role mapping, given as text. */
    async importMapped(mapping: string, ...lines: object[]) {
      const path = join(folder, 'roles.json')
      await writeFile(path, mapping)
      return run(lines, '--role-mapping', path)
    },
  }

  async function run(lines: readonly (object | string)[], ...options: string[]) {
    const file = join(folder, 'users.ndjson')
    const texts = lines.map(line => (typeof line === 'string' ? line : JSON.stringify({ password_hash, ...line })))
    await writeFile(file, texts.join('\n'))
    return runLatchkey(['users', 'import', ...options, file], { env })
  }
}

t.test('imported users sign in with the password that they had before', async t => {
  const { env, importLines, accounts } = await open(t)
  const at = '2020-05-01T12:00:00Z'
  const result = await importLines(
    { email: 'Ada@Example.com', username: 'ada', external_id: 7, roles: ['admin'], created_at: at },
    { email: 'bob@example.com', created_at: at, updated_at: at },
    { email: 'cid@example.com', disabled: true, createdAt: at, updatedAt: '2021-05-01T12:00:00Z' },
  )
  t.same(result, {
    code: 0,
    stdout: 'Done: 3 imported, 0 there already, 0 left out.\nOf the imported accounts, 1 has the role admin.\n',
    stderr: '',
  })
  t.match(await accounts(), [
    { email: 'ada@example.com', external_id: '7', must_change_password: false, created_at: new Date(at) },
    { email: 'bob@example.com', external_id: null, must_change_password: true, roles: [] },
    { disabled_at: Date, created_at: new Date(at), updated_at: new Date('2021-05-01T12:00:00Z') },
  ])

  const service = await startService(t, { env })
  const client = new HttpClient(service.url)
  t.teardown(() => client.close())
  t.match(await client.post('/auth/login', { username: 'ada', password: PASSWORD }), {
    status: 200,
    body: { user: { email: 'ada@example.com', roles: ['admin'], created_at: '2020-05-01T12:00:00.000Z' } },
  })
  const logIn = (email: string) => client.post('/auth/login', { email, password: PASSWORD })
  t.match(await logIn('bob@example.com'), { status: 403, body: { code: 'password_change_required' } })
  t.match(await logIn('cid@example.com'), { status: 401, body: { code: 'invalid_credentials' } })
})

t.test('an import reports an invalid line by its number and leaves it out, and imports the others', async t => {
  const { importLines, accounts } = await open(t)
  const result = await importLines(
    { email: 'ada@example.com', first_name: 'Ada' },
    '{"email": "bob@example.com", "password',
    { email: 'cid@example.com', password_hash: 'plain text' },
    '',
    { email: 'dan@example.com', roles: ['a,b'] },
    { email: 'eve@example.com', shoe_size: 38 },
  )
  t.equal(result.code, 2, 'the exit code says that lines were left out')
  t.equal(result.stdout, 'Done: 2 imported, 0 there already, 3 left out.\n')
  t.same(result.stderr.trim().split('\n'), [
    'line 2: This is not JSON.',
    'line 3: The password_hash has an unknown scheme.',
    'line 5: The roles cannot be imported: Use letters, digits, symbols, punctuation except commas, and single spaces between them.',
    'Unknown fields, which were ignored: "first_name", "shoe_size"',
  ])
  t.same(
    (await accounts()).map(({ email }) => email),
    ['ada@example.com', 'eve@example.com'],
  )
})

t.test('a second import of the same file changes nothing and says so', async t => {
  const { database, importLines, accounts } = await open(t)
  const lines = Array.from({ length: 1234 }, (_, i) => ({
    email: `p${i}@example.com`,
    username: `p${i}`,
    external_id: i,
  }))
  t.match(await importLines(...lines), { code: 0, stdout: 'Done: 1,234 imported, 0 there already, 0 left out.\n' })
  await database.admin`update users set roles = '{editor}', password_hash = 'upgraded' where username = 'p7'`
  const before = await accounts()
  t.same(await importLines(...lines), {
    code: 0,
    stdout: 'Nothing changed: 0 imported, 1,234 there already, 0 left out.\n',
    stderr: '',
  })
  t.same(await accounts(), before, 'also accounts that were changed here since are kept')
  const events = await database.admin`select type, actor, details from security_events`
  t.match(events, [{ type: 'users_imported', actor: 'cli', details: { imported: 1234 } }])
  t.equal(events.length, 1)
})

t.test('an import never takes over an account that has the e-mail, username or external_id of a line', async t => {
  const { importLines, accounts } = await open(t)
  await importLines(
    { email: 'ada@example.com', username: 'ada', external_id: 1 },
    { email: 'bob@example.com' },
    { email: 'cid@example.com', external_id: 3 },
  )
  const before = await accounts()
  const hash = argon2id.hashSync('the password of an attacker')
  const evil = { password_hash: hash, roles: ['admin'] }
  const result = await importLines(
    { ...evil, email: 'ADA@example.com', external_id: 2 },
    { ...evil, email: 'ada@example.com', username: 'root', external_id: 1 },
    { ...evil, email: 'bob@example.com', external_id: 9 },
    { ...evil, email: 'bob@example.com', username: 'bob' },
    { ...evil, email: 'mallory@example.com', username: 'ada' },
    { ...evil, email: 'mallory@example.com', external_id: 1 },
    { ...evil, email: 'cid@example.com', externalId: '3' },
    { email: 'dan@example.com', external_id: 4 },
    { ...evil, email: 'dan@example.com', external_id: 5 },
  )
  t.match(result, { code: 2, stdout: 'Done: 1 imported, 1 there already, 7 left out.\n' })
  t.same(result.stderr.trim().split('\n'), [
    'line 1: The account with this e-mail has another external_id.',
    'line 2: The account with this e-mail has another username.',
    'line 3: The account with this e-mail has no external_id.',
    'line 4: The account with this e-mail has no username.',
    'line 5: The username belongs to an account with another e-mail.',
    'line 6: The external_id belongs to an account with another e-mail.',
    'line 9: The account with this e-mail has another external_id.',
  ])
  const [dan, ...others] = (await accounts()).filter(({ email }) => !before.some(account => account.email === email))
  t.match(dan, { email: 'dan@example.com', external_id: '4', password_hash, roles: [] })
  t.same(others, [])
  t.same((await accounts()).slice(0, 3), before)
})

t.test('an import that was killed continues where it stopped, also from standard input', async t => {
  const { env, database } = await open(t)
  const line = (i: number) => `${JSON.stringify({ email: `p${i}@example.com`, password_hash })}\n`
  const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => line(from + i)).join('')
  const start = () => {
    const latchkey = spawnLatchkey({ args: ['users', 'import', '-'], env, input: true })
    return { ...latchkey, stdin: latchkey.child.stdin! }
  }
  const counted = async () => (await database.admin`select count(*)::int from users`)[0]!.count as number

  const killed = start()
  killed.stdin.on('error', () => {})
  killed.stdin.write(lines(0, 1600))
  while ((await counted()) < 1500) await new Promise(resolve => setTimeout(resolve, 50))
  killed.child.kill('SIGKILL')
  await killed.exited
  t.equal(await counted(), 1500, 'whole batches, before the end of the input')

  const second = start()
  second.stdin.end(lines(0, 2000))
  await once(second.stdin, 'finish')
  t.equal(await second.exited, 0)
  t.equal(second.stdout(), 'Done: 500 imported, 1,500 there already, 0 left out.\n')
})

t.test('an import that a signal ends says how far it came', async t => {
  const { env, database } = await open(t)
  for (const [i, signal] of (['SIGINT', 'SIGTERM'] as const).entries()) {
    const importing = spawnLatchkey({ args: ['users', 'import', '-'], env, input: true })
    const stdin = importing.child.stdin!.on('error', () => {})
    for (let line = 0; line < 1600; line++)
      stdin.write(`${JSON.stringify({ email: `p${i}-${line}@example.com`, password_hash, roles: ['admin'] })}\n`)
    const counted = async () => (await database.admin`select count(*)::int from users`)[0]!.count as number
    while ((await counted()) < 1500 * (i + 1)) await new Promise(resolve => setTimeout(resolve, 50))
    importing.child.kill(signal)
    t.equal(await importing.exited, signal)
    t.match(
      importing.stderr(),
      /\nStopped after 1,\d00 lines: 1,\d00 imported, 0 there already, 0 left out\. Import the file again to continue\.\n/,
    )
    t.match(importing.stderr(), /Of the imported accounts, 1,\d00 have the role admin\.\n$/)
  }
})

t.test('an import that fails on its file or on the tables says so without data of an account', async t => {
  const { env, database, importLines } = await open(t)
  const missing = await runLatchkey(['users', 'import', '/nowhere/users.ndjson'], { env })
  t.same(missing, { code: 1, stdout: '', stderr: 'The file /nowhere/users.ndjson cannot be read (ENOENT).\n' })
  const folder = await runLatchkey(['users', 'import', '/'], { env })
  t.match(folder, { code: 1, stdout: '', stderr: /^\/ is a folder: give a file/ })
  await database.admin`alter table users rename to users_away`
  const failed = await importLines({ email: 'ada@example.com' })
  t.equal(failed.code, 1)
  t.notMatch(failed.stderr, password_hash)
  t.notMatch(failed.stderr, /ada@/)
})

t.test('imported roles are mapped, and a role admin that the mapping does not name is refused', async t => {
  const { env, importMapped, accounts } = await open(t)
  const mapping = { Superuser: 'admin', 'Content Editor': ['editor', 'author'], Guest: null }
  const result = await importMapped(
    JSON.stringify(mapping),
    { email: 'ada@example.com', roles: ['Superuser'] },
    { email: 'bob@example.com', roles: ['Content Editor', 'Guest', '/staff/it'] },
    { email: 'cid@example.com', roles: ['admin'] },
    { email: 'dan@example.com', roles: ['Superuser'] },
  )
  t.same(result, {
    code: 2,
    stdout: 'Done: 3 imported, 0 there already, 1 left out.\nOf the imported accounts, 2 have the role admin.\n',
    stderr:
      'line 3: The role admin is not in the role mapping: map it to "admin" to make administrators, to another role, or to null.\n',
  })
  t.match(await accounts(), [{ roles: ['admin'] }, { roles: ['editor', 'author', '/staff/it'] }, { roles: ['admin'] }])

  const again = await importMapped('{"Superuser": "admin"}', { email: 'ada@example.com', roles: ['Superuser'] })
  t.equal(
    again.stdout,
    'Nothing changed: 0 imported, 1 there already, 0 left out.\n',
    'an account that was there is not counted',
  )

  const bad = await importMapped('{"a": 1}', { email: 'eve@example.com' })
  t.equal(bad.code, 1)
  t.match(bad.stderr, /roles\.json cannot be used: "a" must be mapped to a text, a list of texts, or null\.$/m)
  const missing = await runLatchkey(['users', 'import', '--role-mapping', '/nowhere/roles.json', '-'], { env })
  t.same(missing, {
    code: 1,
    stdout: '',
    stderr: 'The role mapping /nowhere/roles.json cannot be used: it cannot be read (ENOENT).\n',
  })
  t.equal((await accounts()).length, 3, 'nothing was imported')
})

t.test('an import warns if its slowest hash takes longer than the delay of a failed sign-in', async t => {
  const { stores } = await buildTestApp(t, {}, { costlyHashes: true })
  const bcrypt = '$2b$14$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW'
  const importInto = async (tookMs: number, ...hashes: string[]) => {
    const lines = hashes.map((password_hash, n) => JSON.stringify({ email: `p${n}@example.com`, password_hash }))
    const printed: string[] = []
    const output = { print: (line: string) => printed.push(line), say() {} }
    const options = { signInFailureDelayMs: 500, measureHash: async () => tookMs }
    await importUsers(stores.db, Readable.from([Buffer.from(lines.join('\n'))]), output, options)
    return printed
  }
  t.match(await importInto(900, password_hash, bcrypt), ['Done: 2', /^The slowest .+\(bcrypt, cost 14\).+900 ms here/])
  t.match(
    await importInto(900, password_hash, bcrypt),
    ['Nothing changed', /^The slowest/],
    'after an interruption too',
  )
  t.equal((await importInto(300, password_hash, bcrypt)).length, 1, 'no warning if it takes less')
  t.equal((await importInto(900, password_hash)).length, 1, 'no warning without a hash of another scheme')
})

t.test('with --json an import prints its counts as one object, and each line that it left out', async t => {
  const { env } = await open(t)
  const file = join(t.testdir({}), 'users.ndjson')
  await writeFile(file, [JSON.stringify({ email: 'ada@example.com', password_hash, shoe_size: 42 }), '{'].join('\n'))
  const { code, stdout, stderr } = await runLatchkey(['users', 'import', file, '--json'], { env })
  t.equal(code, 2)
  const counts = { lines: 2, imported: 1, present: 0, refused: 1, administrators: 0, warning: null }
  t.same(JSON.parse(stdout), { ...counts, ignored_fields: ['shoe_size'] })
  const said = stderr
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  t.match(said, [{ line: 2, message: 'This is not JSON.' }, { message: /^Unknown fields/ }])
})
