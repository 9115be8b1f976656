import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { until } from '../support/eventually.js'
import { externalStores } from '../support/external-stores.js'
import { HttpClient } from '../support/http-client.js'
import { spawnLatchkey } from '../support/latchkey-process.js'
import { runLatchkey } from '../support/run-latchkey.js'
import { makeFolder } from '../support/servers/embedded-fixture.js'
import { startService } from '../support/service-process.js'

const email = 'ann@example.com'
const PASSWORD = 'a passphrase of their own'

t.test('accounts are managed on the command line', async t => {
  const { env } = await externalStores(t)
  const service = await startService(t, { env })
  const client = openClient(t, service.url)
  const users = (...args: string[]) => runLatchkey(['users', ...args], { env })

  const created = await users('create', 'Ann@Example.com', '--role', 'admin', '--username', 'ann', '--role', 'editor')
  const password = temporaryPassword(created.stdout)

  t.test('users create prints the account and its temporary password', async t => {
    t.match(created, { code: 0, stderr: '' })
    t.match(created.stdout, /^Created the account ann@example\.com with the id [0-9a-f-]{36}\.\n.*: [\w-]{20}\n$/)
  })

  t.test('a temporary password can only be changed, and only once', async t => {
    const login = await client.post('/auth/login', { email, password })
    t.match(login, { status: 403, body: { code: 'password_change_required' } })
    const change = { email, current_password: password, new_password: PASSWORD }
    t.match(await client.post('/auth/change-password', change), {
      status: 200,
      body: { user: { email, username: 'ann', roles: ['admin', 'editor'] } },
    })
    t.match(await client.post('/auth/login', { email, password }), { status: 401 })
    t.match(await client.post('/auth/change-password', { ...change, new_password: 'and another one' }), { status: 401 })
  })

  t.test('users rename changes the e-mail and the username, and refuses a call without either', async t => {
    const renamed = await users('rename', email, '--email', 'Ann.Lee@example.com', '--username', 'ann.lee')
    t.match(renamed, { code: 0, stderr: '' })
    t.match(renamed.stdout, /^The account \S+ has the e-mail ann\.lee@example\.com and the username ann\.lee\.\n$/)
    t.match(await client.post('/auth/login', { username: 'ann.lee', password: PASSWORD }), { status: 200 })
    t.match(await users('rename', 'ann.lee@example.com'), { code: 64, stderr: /^error: give --email, --username or/ })
    t.match(await users('rename', 'ann.lee@example.com', '--no-username'), {
      code: 0,
      stdout: /e-mail ann\.lee@example\.com and no username\.\n$/,
    })
    t.match(await users('rename', 'ann.lee@example.com', '--email', email, '--username', 'ann'), { code: 0 })
  })

  t.test('users reset-password prints a one-time token, and refuses a disabled account', async t => {
    const issued = await users('reset-password', 'ANN@example.com')
    t.match(issued, { code: 0, stderr: '' })
    t.match(issued.stdout, /^Until 20\S+Z, ann@example\.com can set .*\n.*: lk_pr_[\w-]{87}\n$/)
    const token = temporaryPassword(issued.stdout)
    const answer = await client.post('/auth/reset-password', { token, new_password: PASSWORD })
    t.match(answer, { status: 200, body: { user: { email } } })
    t.match(await client.post('/auth/login', { email, password: PASSWORD }), { status: 200 })

    await users('disable', email)
    const refused = { code: 1, stdout: '', stderr: 'The account is disabled; enable it first.\n' }
    t.same(await users('reset-password', email), refused)
    await users('enable', email)
    t.notMatch(service.output(), token)
  })

  t.test('users disable ends all sessions of an account, and users enable allows new ones', async t => {
    const credentials = { email, password: PASSWORD, transport: 'body' }
    const { body } = await client.post('/auth/login', credentials)
    t.match(await users('disable', email), { code: 0, stdout: /revoked its sessions/, stderr: '' })
    const refresh = () => client.post('/auth/refresh', { refresh_token: body.refresh_token })
    t.match(await refresh(), { status: 401, body: { code: 'user_disabled' } })
    t.match(await client.post('/auth/login', credentials), { status: 401, body: { code: 'invalid_credentials' } })

    t.match(await users('enable', body.user.id), { code: 0, stderr: '' })
    t.match(await client.post('/auth/login', credentials), { status: 200 })
    t.match(await refresh(), { status: 401, body: { code: 'session_revoked' } }, 'it stays revoked')
  })

  t.test('users claims and users metadata print and replace what is known of an account', async t => {
    const folder = t.testdir({
      'claims.json': '{ "tenant": "acme" }\n',
      'list.json': '[1]',
      'reserved.json': '{"exp":1}',
      'text.txt': 'tenant=acme',
    })
    const { body: session } = await client.post('/auth/login', { email, password: PASSWORD, transport: 'body' })
    t.same(await users('claims', email), { code: 0, stdout: '{}\n', stderr: '' })
    const set = await users('claims', email, '--set', `${folder}/claims.json`)
    t.same(set, { code: 0, stdout: `Replaced the claims of ${email}.\n`, stderr: '' })
    t.same(await users('claims', 'ann'), { code: 0, stdout: '{"tenant":"acme"}\n', stderr: '' })
    await until(async () => (await client.get('/auth/profile', session.access_token)).body.code === 'token_stale')

    const piped = spawnLatchkey({ args: ['users', 'metadata', email, '--set', '-'], env, input: true })
    piped.child.stdin!.end('{"crm":[4711]}')
    t.equal(await piped.exited, 0)
    t.same(JSON.parse((await users('metadata', email, '--json')).stdout), { crm: [4711] })
    t.match((await users('show', email)).stdout, /^claims: +\{"tenant":"acme"\}\nmetadata: +\{"crm":\[4711\]\}$/m)
    t.match(JSON.parse((await users('list', '--json')).stdout), [
      { claims: { tenant: 'acme' }, metadata: { crm: [4711] } },
    ])

    t.match(await users('claims', email, '--set', `${folder}/list.json`), { code: 1, stderr: /not a JSON object/ })
    t.match(await users('claims', email, '--set', `${folder}/reserved.json`), {
      code: 1,
      stderr: /"exp" is a name with/,
    })
    t.match(await users('claims', email, '--set', `${folder}/text.txt`), { code: 64, stderr: /is not JSON\.$/m })
    t.match(await users('metadata', email, '--set', `${folder}/none`), {
      code: 64,
      stderr: /cannot be read \(ENOENT\)/,
    })
  })

  t.test('an account that cannot be created or found is refused in one line', async t => {
    const cases: [args: string[], says: string][] = [
      [['create', 'ANN@example.com'], 'An account with this e-mail already exists.'],
      [['create', 'bob@example.com', '--username', 'ann'], 'An account with this username already exists.'],
      [['create', 'nobody'], 'The e-mail address is not valid.'],
      [['disable', 'bob@example.com'], 'User not found.'],
      [['enable', 'bob'], 'User not found.'],
      [['reset-password', 'bob@example.com'], 'User not found.'],
    ]
    const results = await Promise.all(cases.map(([args]) => users(...args)))
    for (const [i, [args, says]] of cases.entries()) {
      const code = says === 'User not found.' ? 3 : 1
      t.same(results[i], { code, stdout: '', stderr: `${says}\n` }, args.join(' '))
    }
  })

  t.test('the log of the service has no password of an account', async t => {
    t.notMatch(service.output(), password)
    t.notMatch(service.output(), PASSWORD)
  })
})

t.test('in embedded mode, commands work while the service runs', async t => {
  const cwd = await makeFolder(t)
  const starting = startService(t, { cwd })
  while (!existsSync(join(cwd, '.latchkey/latchkey.pid'))) await sleep(5)
  const created = await runLatchkey(['users', 'create', email], { cwd })
  t.match(created, { code: 0, stderr: '' }, 'even during its first start')
  const service = await starting
  const client = openClient(t, service.url)
  const password = temporaryPassword(created.stdout)
  const { body } = await client.post('/auth/change-password', {
    email,
    current_password: password,
    new_password: PASSWORD,
    transport: 'body',
  })
  t.match(await runLatchkey(['users', 'disable', email], { cwd }), { code: 0, stderr: '' })
  t.match(await client.post('/auth/refresh', { refresh_token: body.refresh_token }), { status: 401 })
  t.match(await runLatchkey(['keys', 'list'], { cwd }), {
    code: 0,
    stdout: /^KID.*\n\S+ +ES256 .* signs\n$/,
    stderr: '',
  })
  t.match(
    await runLatchkey(['migrate'], { cwd }),
    { code: 1, stderr: /Process \d+ already runs Latchkey/ },
    'except to change the tables under it',
  )
  t.match(await client.get('/readyz'), { status: 200 })
  t.equal(await service.interrupt(), 0)
})

t.test('in embedded mode, commands start the database themselves if no service runs', async t => {
  const cwd = await makeFolder(t)
  // --embedded overrides addresses, before or after the command.
  const env = { DATABASE_URL: 'postgres://nowhere.invalid/latchkey' }
  t.match(await runLatchkey(['--embedded', 'migrate'], { cwd, env }), { code: 0, stderr: '' })
  const created = await runLatchkey(['users', 'create', email, '--embedded'], { cwd, env })
  t.match(created, { code: 0, stderr: '' })

  const service = await startService(t, { args: ['serve', '--embedded'], cwd, env })
  const login = { email, password: temporaryPassword(created.stdout) }
  const answer = await openClient(t, service.url).post('/auth/login', login)
  t.match(answer, { status: 403, body: { code: 'password_change_required' } })
})

function openClient(t: Test, url: string): HttpClient {
  const client = new HttpClient(url)
  t.teardown(() => client.close())
  return client
}

function temporaryPassword(stdout: string): string {
  return stdout.trim().split(': ').at(-1)!
}

t.test('users check-emails reports accounts that have one address in two forms', async t => {
  const { env, database } = await externalStores(t)
  const users = (...args: string[]) => runLatchkey(['users', ...args], { env })
  for (const name of ['ann', 'bob', 'cid', 'dan']) await users('create', `${name}@example.com`)
  t.same(await users('check-emails'), {
    code: 0,
    stdout: 'Every e-mail is stored in its current form.\n',
    stderr: '',
  })
  const ids: string[] = []
  for (const [name, email] of [
    ['ann', 'ann@b\u00FCcher.example'],
    ['bob', 'ann@xn--bcher-kva.example'],
    ['cid', 'cid@b\u00FCcher.example'],
    ['dan', 'dan@example.com.'],
  ]) {
    const [row] =
      await database.admin`update users set email = ${email!} where email = ${`${name}@example.com`} returning id`
    ids.push(row!.id)
  }
  const [ann, bob, cid, dan] = ids
  const asJson = await users('check-emails', '--json')
  t.match(asJson, { code: 2, stderr: /^\{"error":\{"code":"incomplete","message":"\d accounts? [^"\n]+"\}\}\n$/ })
  const checked = await users('check-emails')
  t.match(checked, { code: 2, stderr: '' })
  t.same(
    checked.stdout.trim().split('\n').sort(),
    [
      `${ann} has the e-mail ann@b\u00FCcher.example, which is the same address as the e-mail of ${bob}.`,
      `${cid} has the e-mail cid@b\u00FCcher.example; to store its current form, run: latchkey users rename ${cid} --email cid@xn--bcher-kva.example`,
      `${dan} has the e-mail dan@example.com., which is not a valid address any more.`,
    ].sort(),
  )
})
