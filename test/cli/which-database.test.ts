import { chmod, chown, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readExistingData } from '../../src/embedded-postgres/existing-data.js'
import { startedByRoot } from '../../src/embedded-postgres/server-user.js'
import { externalStores } from '../support/external-stores.js'
import { runCommand } from '../support/run-latchkey.js'
import { makeFolder } from '../support/servers/embedded-fixture.js'
import { emptyDatabase } from '../support/test-database.js'

const NOBODY = 65_534

const COMMANDS: string[][] = [
  ['users', 'create', 'ann@example.com'],
  ['users', 'disable', 'ann@example.com'],
  ['users', 'import', '-'],
  ['clients', 'list'],
  ['clients', 'create', 'shop', '--scope', 'admin'],
  ['keys', 'list'],
  ['keys', 'rotate'],
  ['sign-out-everyone'],
]

t.test('a command in a folder without data refuses, and creates nothing', async t => {
  const cwd = await makeFolder(t)
  const place = join(cwd, '.latchkey')
  for (const args of COMMANDS) {
    const { code, stdout, stderr } = await runCommand(args, { cwd })
    t.same({ code, stdout }, { code: 4, stdout: '' }, args.join(' '))
    t.equal(
      stderr,
      `DATABASE_URL is not set, so this command looks for embedded data in ${place}, and there is none: the folder does ` +
        'not exist. Export DATABASE_URL and REDIS_URL, or run the command in the folder of the service, or set ' +
        'DATA_DIR. "latchkey serve" creates new data.\n',
    )
    t.match(await runCommand([...args, '--embedded'], { cwd }), { code: 4, stdout: '', stderr: /^With --embedded, / })
  }
  t.same(await readdir(cwd), [])
})

t.test('a command without a command name prints the help and starts nothing', async t => {
  const cwd = await makeFolder(t)
  for (const args of [[], ['--embedded']])
    t.match(await runCommand(args, { cwd }), { code: 64, stdout: '', stderr: /^Usage: latchkey / })
  t.same(await readdir(cwd), [])
})

t.test('a data folder that cannot be used is refused with the reason, and stays as it is', async t => {
  const cases: [name: string, make: (path: string) => Promise<unknown>, says: RegExp][] = [
    ['an empty folder', path => mkdir(path), /there is none: it is empty\. Export DATABASE_URL/],
    ['a file', path => writeFile(path, 'x'), /cannot be used: it is not a folder: set DATA_DIR/],
    [
      'a folder of another program',
      async path => {
        await mkdir(path)
        await writeFile(join(path, 'notes.txt'), 'x')
      },
      /there is none: its files are not from Latchkey\./,
    ],
    [
      'an interrupted first start',
      async path => {
        await mkdir(path)
        await writeFile(join(path, 'secrets.json'), '{}')
      },
      /it has secrets but no database, because the first start was interrupted: start the service\./,
    ],
    [
      'secrets with an empty folder for the database',
      async path => {
        await mkdir(join(path, 'postgres'), { recursive: true })
        await writeFile(join(path, 'secrets.json'), '{}')
      },
      /it has secrets but no database/,
    ],
    [
      'a database without its secrets',
      async path => mkdir(join(path, 'postgres/data'), { recursive: true }),
      /it has a database but no secrets\.json: restore the file from a backup/,
    ],
  ]
  for (const [name, make, says] of cases) {
    const cwd = await makeFolder(t)
    const DATA_DIR = join(cwd, 'data')
    await make(DATA_DIR)
    const before = await listing(cwd)
    const result = await runCommand(['sign-out-everyone'], { cwd, env: { DATA_DIR } })
    t.match(result, { code: 4, stdout: '', stderr: says }, name)
    t.match(result.stderr, DATA_DIR)
    t.same(await listing(cwd), before)
  }
})

t.test('a data folder of another user is refused', { skip: !startedByRoot() && 'needs root' }, async t => {
  const cwd = await makeFolder(t)
  const DATA_DIR = join(cwd, 'data')
  await mkdir(DATA_DIR)
  await chown(DATA_DIR, NOBODY, NOBODY)
  const refused = { code: 4, stderr: /it belongs to uid 65534, not to uid 0: run the command as the user who starts/ }
  t.match(await runCommand(['keys', 'list'], { cwd, env: { DATA_DIR } }), refused)
})

t.test('a data folder that this user cannot read is refused', { skip: !startedByRoot() && 'needs root' }, async t => {
  const dataDir = await makeFolder(t)
  await chmod(dataDir, 0o700)
  // In this process, because another user cannot read a checkout in a folder of root.
  process.seteuid!(NOBODY)
  t.teardown(() => process.seteuid!(0))
  const refused = {
    name: 'NoEmbeddedData',
    message: /cannot be read \(EACCES\): run the command as the user who starts/,
  }
  await t.rejects(readExistingData(dataDir, { needsSecrets: true }), refused)
  process.seteuid!(0)
})

t.test('a command names its database on stderr, without the user and the password', async t => {
  const { env } = await externalStores(t)
  const { host, pathname, password } = new URL(env.DATABASE_URL!)
  const listed = await runCommand(['clients', 'list'], { env })
  t.match(listed, { code: 0, stdout: /^NAME/, stderr: `Database: Postgres at ${host}${pathname}\n` })
  t.ok(password === '' || !listed.stderr.includes(password))

  const cwd = await makeFolder(t)
  t.match(await runCommand(['migrate'], { cwd }), { code: 0 })
  t.match(await runCommand(['clients', 'list'], { cwd }), {
    code: 0,
    stderr: `Database: the embedded Postgres in ${join(cwd, '.latchkey')}\n`,
  })
  t.match(await runCommand(['clients', 'list'], { env: { DATA_DIR: join(cwd, '.latchkey') } }), { code: 0 })
})

t.test('a command does not create or change tables', async t => {
  const { env, database } = await externalStores(t)
  const { url, admin } = await emptyDatabase(t)
  const refused = async (env: NodeJS.ProcessEnv, says: RegExp) => {
    for (const args of COMMANDS.slice(0, 4)) await refuses(t, args, env, says)
  }
  await refused({ ...env, DATABASE_URL: url }, /contains no tables of Latchkey: run "latchkey migrate"/)
  t.same(await admin`select relname from pg_class where relname = 'users'`, [])

  const [row] = await database.admin`select max(created_at) as newest from drizzle.__drizzle_migrations`
  await database.admin`update drizzle.__drizzle_migrations set created_at = created_at - 1`
  await refused(env, /its tables are of an earlier version of Latchkey: run "latchkey migrate"/)

  await database.admin`update drizzle.__drizzle_migrations set created_at = ${Number(row!.newest) + 1} where id = 1`
  const { code, stderr } = await runCommand(['clients', 'list'], { env })
  t.match({ code, stderr }, { code: 0, stderr: /are of a newer version of Latchkey than this command\.\n$/ })
})

async function refuses(t: Test, args: string[], env: NodeJS.ProcessEnv, says: RegExp): Promise<void> {
  const { code, stdout, stderr } = await runCommand(args, { env })
  t.same({ code, stdout }, { code: 4, stdout: '' }, args.join(' '))
  t.match(stderr, says)
}

/** Every file and folder below a folder. */
async function listing(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).sort()
}

t.test('a database user that cannot read which migrations were applied can still read', async t => {
  const { env, database } = await externalStores(t)
  const url = new URL(env.DATABASE_URL!)
  const role = `reader_${url.pathname.slice(1)}`
  await database.admin.unsafe(`create role ${role} login password 'reader'`)
  t.teardown(() => database.admin.unsafe(`drop owned by ${role}; drop role ${role}`))
  await database.admin.unsafe(`grant select on all tables in schema public to ${role}`)
  Object.assign(url, { username: role, password: 'reader' })
  const { code, stderr } = await runCommand(['clients', 'list'], { env: { ...env, DATABASE_URL: url.href } })
  t.match({ code, stderr }, { code: 0, stderr: /^Database: Postgres at [^\n]+\n$/ })
  t.notMatch(stderr, /reader:|reader@/)
})
