import t from 'tap'
import { externalStores } from '../support/external-stores.js'
import { runLatchkey } from '../support/run-latchkey.js'
import { startService } from '../support/service-process.js'

t.test('clients are managed on the command line', async t => {
  const { env, database } = await externalStores(t)
  const service = await startService(t, { env })
  const clients = (...args: string[]) => runLatchkey(['clients', ...args], { env })
  const tokenFor = async (id: string, secret: string) => {
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: id, client_secret: secret })
    return fetch(`${service.url}/oauth/token`, { method: 'POST', body })
  }
  const usersSeenBy = async (token: string) =>
    (await fetch(`${service.url}/admin/users`, { headers: { authorization: `Bearer ${token}` } })).status

  const created = await clients('create', 'billing', '--scope', 'introspect,admin')
  t.match(created, { code: 0, stderr: '' })
  const [, id = ''] = /^Created the client billing with the client_id ([0-9a-f-]{36})\.\n/.exec(created.stdout) ?? []
  let secret = secretIn(created.stdout)
  let token = ''

  t.test('clients create prints the secret, which is not in the database', async t => {
    t.match(secret, /^lk_cs_[\w-]{43}$/)
    const answer = await tokenFor(id, secret)
    const granted = (await answer.json()) as { access_token: string; scope: string }
    t.match(granted, { scope: 'introspect admin' })
    token = granted.access_token
    t.equal(await usersSeenBy(token), 200)
    const [row] = await database.admin`select clients::text as text from clients`
    t.notMatch(row!.text, secret)
  })

  t.test('clients list shows the client_id and the scopes, and no secret', async t => {
    await clients('create', 'another.one', '--scope', 'revocations')
    const several = ['--scope', 'admin,introspect', '--scope', 'sessions', '--scope', 'admin', '--json']
    const { scopes } = JSON.parse((await clients('create', 'several', ...several)).stdout)
    t.same(scopes, ['admin', 'introspect', 'sessions'], 'a repeated option adds to the earlier one')
    await clients('remove', 'several')
    const listed = JSON.parse((await clients('list', '--json')).stdout)
    t.match(listed, [
      { name: 'another.one', scopes: ['revocations'] },
      { name: 'billing', client_id: id },
    ])
    for (const name of ['billing', id]) t.same(JSON.parse((await clients('show', name, '--json')).stdout), listed[1])
    t.match(await clients('show', 'nobody'), { code: 3, stdout: '', stderr: 'Client not found.\n' })
    const { stdout } = await clients('list')
    t.match(
      stdout,
      /^NAME +CLIENT ID +SCOPES +CREATED +AUTHENTICATES BY\nanother\.one +[0-9a-f-]{36} +revocations +\S+Z +secret\nbilling +/,
    )
    t.match(stdout, id)
    t.notMatch(stdout, 'lk_cs_')
  })

  t.test('clients rotate gives a new secret, and invalidates the old one and its tokens', async t => {
    const rotated = await clients('rotate', 'billing')
    t.match(rotated, { code: 0, stderr: '' })
    t.equal(await usersSeenBy(token), 401)
    t.equal((await tokenFor(id, secret)).status, 401)
    secret = secretIn(rotated.stdout)
    const granted = (await (await tokenFor(id, secret)).json()) as { access_token: string }
    token = granted.access_token
    t.equal(await usersSeenBy(token), 200)
  })

  t.test('clients remove invalidates the secret of a client and its tokens', async t => {
    const removed = await clients('delete', 'billing')
    t.match(removed, {
      code: 0,
      stdout: /^Removed the client billing, .* revoked 0 sessions that it opened\.\n$/,
      stderr: '',
    })
    t.equal(await usersSeenBy(token), 401)
    t.equal((await tokenFor(id, secret)).status, 401)
    t.notMatch((await clients('list')).stdout, 'billing')
  })

  t.test('a client that cannot be created or found is refused in one line', async t => {
    const cases: [args: string[], says: RegExp, code: number][] = [
      [['create', 'another.one', '--scope', 'admin'], /^A client with this name already exists\.\n$/, 1],
      [['create', 'a b', '--scope', 'admin'], /^The client name is not valid\. .*\n$/, 1],
      [
        ['create', 'new', '--scope', 'everything'],
        /^error: "everything" is not a scope: give one or more of introspect, revocations, sessions, admin/,
        64,
      ],
      [['create', 'new', '--scope', ''], /^error: give one or more of introspect/, 64],
      [['create', 'new'], /required option '--scope <scopes>' not specified/, 64],
      [['rotate', 'billing'], /^Client not found\.\n$/, 3],
      [['remove', 'billing'], /^Client not found\.\n$/, 3],
    ]
    for (const [args, says, code] of cases)
      t.match(await clients(...args), { code, stdout: '', stderr: says }, args.join())
  })
})

function secretIn(stdout: string): string {
  return stdout.trim().split(': ').at(-1)!
}
