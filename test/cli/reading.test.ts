import t from 'tap'
import { externalStores } from '../support/external-stores.js'
import { HttpClient } from '../support/http-client.js'
import { spawnLatchkey } from '../support/latchkey-process.js'
import { runLatchkey } from '../support/run-latchkey.js'
import { startService } from '../support/service-process.js'

const PASSWORD = 'a passphrase of their own'
const ESCAPE = '\u001b[31m\u009b2J\u202eagent'

t.test('users, sessions and events are read on the command line', async t => {
  const { env, database } = await externalStores(t)
  const service = await startService(t, { env: { ...env, LOCKOUT_FAILURES: '1' } })
  const client = new HttpClient(service.url)
  t.teardown(() => client.close())
  const run = (...args: string[]) => runLatchkey(args, { env: { ...env, LOCKOUT_FAILURES: '1' } })
  const json = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(...args, '--json')
    t.same({ code, stderr }, { code: 0, stderr: '' }, args.join(' '))
    return JSON.parse(stdout)
  }

  const made = await json('clients', 'create', 'support', '--scope', 'admin')
  const body = new URLSearchParams({ grant_type: 'client_credentials', ...made })
  for (const name of ['name', 'scopes']) body.delete(name)
  const answer = await fetch(`${service.url}/oauth/token`, { method: 'POST', body })
  const { access_token: adminToken } = (await answer.json()) as { access_token: string }
  const asAdmin = async (path: string) => (await client.get(path, adminToken)).body

  const signUp = async (email: string) =>
    (await client.post('/auth/register', { email, password: PASSWORD, transport: 'body' })).body
  const ada = await signUp('ada@example.com')
  const bob = (await json('users', 'create', 'bob@example.com', '--username', 'bob', '--role', 'editor')).user

  t.test('users list and users show print what the HTTP API answers', async t => {
    const { users } = await asAdmin('/admin/users')
    t.same(await json('users', 'list'), users)
    t.same(await json('users', 'list', '--role', 'editor'), [users[0]])
    t.same(await json('users', 'list', '--email-prefix', 'ada', '--enabled'), [users[1]])
    t.same(await json('users', 'list', '--disabled'), [])
    for (const name of ['bob', 'BOB@example.com', bob.id])
      t.same(await json('users', 'show', name), await asAdmin(`/admin/users/${bob.id}`))
    t.match(await run('users', 'list', '--limit', '1'), {
      code: 0,
      stdout: /^E-MAIL .*\nbob@example\.com +bob +editor +must change password +- +0 +\S{36}\n$/,
      stderr: /more accounts: give --all/,
    })
    t.match(await run('users', 'show', 'ada@example.com'), { code: 0, stdout: /^live sessions: +1$/m, stderr: '' })
    t.match(await run('users', 'list', '--email', 'a', '--username', 'b'), { code: 64, stderr: /one name at a time/ })
  })

  t.test('users list --locked lists accounts that failed sign-ins have locked', async t => {
    const wrong = { email: 'bob@example.com', password: 'a wrong passphrase' }
    await client.post('/auth/login', wrong)
    t.match(await json('users', 'list', '--locked'), [{ id: bob.id, locked: true, failed_sign_ins: 1 }])
    t.match(await json('users', 'enable', 'bob'), { id: bob.id, locked: false })
    t.same(await json('users', 'list', '--locked'), [])
  })

  t.test('users sessions, users events and events print what the HTTP API answers', async t => {
    const sessions = await asAdmin(`/admin/users/${ada.user.id}/sessions`)
    t.equal(sessions.length, 1)
    for (const args of [
      ['users', 'sessions', 'ada@example.com'],
      ['sessions', 'list', '--user', ada.user.id],
    ])
      t.match(await json(...args), [{ id: ada.session_id, created_at: sessions[0].created_at, is_active: true }])
    const { events } = await asAdmin(`/admin/users/${ada.user.id}/events`)
    const withUser = events.map((event: object) => ({ ...event, user_id: ada.user.id }))
    t.same(await json('users', 'events', 'ada@example.com'), withUser)
    t.same(await json('events', '--user', 'ada@example.com', '--since', '1h'), withUser)
    const types = (list: { type: string }[]) => list.map(({ type }) => type)
    t.same(types(await json('events', '--type', 'registered, client_created')), ['registered', 'client_created'])
    const twice = ['--type', 'registered', '--type', 'client_created']
    t.same(types(await json('events', ...twice)), ['registered', 'client_created'])
    t.same(types(await json('events', '--limit', '1')), ['user_enabled'])
    t.same(await json('events', '--since', '2999-01-01'), [])
    t.same(await json('events', '--until', '2000-01-01'), [])
    const byCommands = await json('events', '--actor', 'cli', '--all')
    t.ok(byCommands.length > 0 && byCommands.every(({ actor }: { actor: string }) => actor === 'cli'))
    t.same(await json('events', '--actor', 'ada@example.com'), [], 'an account that administered nothing')
    t.match(await run('events', '--actor', 'nobody'), { code: 3 })
    t.match(await run('events', '--type', 'nope'), { code: 64, stderr: /"nope" is not a type of event.*user_created/ })
    t.match(await run('events', '--since', 'noon'), { code: 64, stderr: /Write an instant such as/ })
  })

  t.test('what a browser sent cannot control the terminal, and is unchanged in JSON', async t => {
    await database.admin`update sessions set user_agent = ${ESCAPE}, label = ${ESCAPE}`
    for (const args of [
      ['sessions', 'show', ada.session_id],
      ['users', 'sessions', 'ada@example.com'],
    ]) {
      for (const { stdout } of [await run(...args), await run(...args, '--json')]) {
        for (const character of '\u001b\u009b\u202e') t.notOk(stdout.includes(character))
        t.match(stdout, String.raw`\u001b[31m\u009b2J\u202eagent`)
      }
    }
    t.match(await json('sessions', 'show', ada.session_id), { user_agent: ESCAPE, label: ESCAPE, state: 'live' })
  })

  t.test('sessions revoke revokes at once, and says what was not live', async t => {
    const other = '01a221b9-f36d-774d-ae5e-818f70c7a991'
    const revoked = await run('sessions', 'revoke', ada.session_id, other)
    t.same(revoked, {
      code: 2,
      stdout: `Revoked the session ${ada.session_id}.\n`,
      stderr: `No live session has the id ${other}.\n`,
    })
    t.match(await client.get('/auth/profile', ada.access_token), { status: 401, body: { code: 'token_revoked' } })
    t.match(await run('sessions', 'revoke', ada.session_id), { code: 3, stdout: '' })
    t.match(await json('sessions', 'show', ada.session_id), { state: 'revoked', revoke_reason: 'revoked_by_admin' })
    t.match(await run('sessions', 'show', other), { code: 3, stderr: 'Session not found.\n' })
  })

  t.test('users delete needs --yes if nobody is at a terminal, and the events remain', async t => {
    t.match(await run('users', 'delete', 'bob'), { code: 64, stdout: '', stderr: /give --yes/ })
    t.same(await json('users', 'delete', 'bob', '--yes'), { id: bob.id, email: 'bob@example.com', deleted: true })
    t.match(await run('users', 'show', 'bob', '--json'), {
      code: 3,
      stdout: '',
      stderr: '{"error":{"code":"user_not_found","message":"User not found."}}\n',
    })
    t.match((await json('events', '--user', bob.id))[0], { type: 'user_deleted', user_id: bob.id, actor: 'cli' })
  })

  t.test('a reader that closes the output, as head does, ends a list without an error', async t => {
    const listing = spawnLatchkey({ args: ['users', 'list', '--json'], env })
    listing.child.stdout!.destroy()
    t.equal(await listing.exited, 0)
    t.match(listing.stderr(), /^$/)
  })
})

t.test('users create --password-stdin sets a password that need not be changed', async t => {
  const { env } = await externalStores(t)
  const service = await startService(t, { env })
  const client = new HttpClient(service.url)
  t.teardown(() => client.close())
  const create = async (email: string, input: string | Buffer, ...more: string[]) => {
    const args = ['users', 'create', email, '--password-stdin', ...more]
    const latchkey = spawnLatchkey({ args, env, input: true })
    latchkey.child.stdin!.end(input)
    const code = await latchkey.exited
    return { code, stdout: latchkey.stdout(), stderr: latchkey.stderr() }
  }
  const created = await create('cid@example.com', `${PASSWORD}\n`, '--json')
  t.match(created, { code: 0, stderr: '' })
  t.match(JSON.parse(created.stdout), { user: { email: 'cid@example.com', must_change_password: false } })
  t.notMatch(created.stdout, 'temporary_password')
  t.match(await client.post('/auth/login', { email: 'cid@example.com', password: PASSWORD }), { status: 200 })
  t.match(await create('dan@example.com', 'short'), { code: 1, stdout: '', stderr: /password is too short/ })
  t.match(await create('dan@example.com', '\n'), { code: 64, stderr: /standard input has no password/ })
  const refused: [input: string | Buffer, says: RegExp][] = [
    ['a\nb', /more than one line/],
    [`${PASSWORD}\n\n`, /more than one line/],
    [`${PASSWORD}\r`, /more than one line/],
    [Buffer.from('Gr\u00fc\u00dfe aus Berlin', 'latin1'), /is not UTF-8/],
    [Buffer.from(`\uFEFF${PASSWORD}`, 'utf16le'), /is not UTF-8/],
    [Buffer.concat([Buffer.from(PASSWORD), Buffer.from([0xed, 0xa0, 0x80])]), /is not UTF-8/],
    [`${PASSWORD}\uFFFD`, /has the character U\+FFFD/],
    [`${PASSWORD}\0`, /has a NUL character/],
  ]
  for (const [input, says] of refused)
    t.match(await create('dan@example.com', input, '--json'), { code: 64, stdout: '', stderr: says }, String(says))
  t.match(await create('dan@example.com', '\uFEFFGr\u00fc\u00dfe aus Berlin\r\n'), { code: 0 })
  const login = { email: 'dan@example.com', password: 'Gr\u00fc\u00dfe aus Berlin' }
  t.match(await client.post('/auth/login', login), { status: 200 })
})
