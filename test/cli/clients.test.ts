import t from 'tap'
import { makeKey } from '../support/cluster-issuer.js'
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
        /^error: "everything" is not a scope: give one or more of introspect, revocations, sessions, signals, admin/,
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

t.test('clients without secrets are managed on the command line', async t => {
  const { env } = await externalStores(t)
  const clients = (...args: string[]) => runLatchkey(['clients', ...args], { env })
  const shown = async (name: string) => JSON.parse((await clients('show', name, '--json')).stdout)
  const key = await makeKey('2026-11', 'ES256')
  const files = t.testdir({ 'keys.json': JSON.stringify({ keys: [key.jwk] }), 'text.json': 'x' })
  const keys = ['--jwks', `${files}/keys.json`]
  const cluster = ['--issuer', 'https://kubernetes.default.svc', '--subject', 'system:serviceaccount:shop:api']

  const created = await clients('create', 'signing', '--scope', 'introspect', ...keys)
  t.match(created, { code: 0, stdout: /It has no secret: it authenticates by assertions\.\n$/ })
  t.match(await shown('signing'), {
    has_secret: false,
    assertion: { method: 'private_key_jwt', audiences: null, jwks: { keys: [{ kid: '2026-11' }] } },
  })
  t.match((await clients('show', 'signing')).stdout, /authenticates by: +private_key_jwt\nkeys: +registered: 2026-11\n/)
  t.match(await clients('rotate', 'signing'), { code: 1, stderr: /has no secret/ })

  const audiences = ['--audience', 'latchkey', '--audience', 'https://auth.example.com']
  const inPod = await clients('create', 'pod', '--scope', 'revocations', ...cluster, ...audiences, '--secret', '--json')
  t.match(JSON.parse(inPod.stdout), { client_secret: /^lk_cs_/ })
  t.match(await shown('pod'), {
    has_secret: true,
    assertion: {
      method: 'issuer_token',
      issuer: 'https://kubernetes.default.svc',
      subject: 'system:serviceaccount:shop:api',
      one_time: false,
      audiences: ['latchkey', 'https://auth.example.com'],
    },
  })
  t.match((await clients('list')).stdout, /^pod .* secret, issuer token\nsigning .* private_key_jwt\n$/m)

  // What a new registration does not repeat is gone, and the answer shows it.
  const strict = await clients('update', 'pod', ...cluster, '--one-time', '--audience', 'latchkey')
  t.match(strict, { code: 0, stdout: /\naudience: +latchkey\neach token: +once only\n$/ })
  const dropped = await clients('update', 'pod', ...cluster)
  t.match(dropped.stdout, /keys: +the OpenID metadata of https:\/\/kubernetes\.default\.svc\n/)
  t.match(dropped.stdout, /\naudience: +the issuer of this service\neach token: +until it expires\n$/)

  t.match(await clients('update', 'pod', '--no-secret'), { code: 0, stdout: /now authenticates by: issuer token\./ })
  t.match(await clients('update', 'pod', '--no-assertion'), { code: 1, stderr: /neither a secret nor assertions/ })
  t.match(await clients('update', 'signing', '--secret', '--no-assertion'), { code: 0, stdout: /lk_cs_/ })
  t.match(await shown('signing'), { has_secret: true, assertion: null })

  const bare = ['create', 'x', '--scope', 'admin']
  for (const [given, code, message] of [
    [
      [...bare, '--issuer', 'https://a.example', '--subject', 'system:serviceaccount:shop:default'],
      1,
      /default account/,
    ],
    [[...bare, '--issuer', 'https://a.example'], 1, /subject is required with issuer/],
    [[...bare, '--jwks', `${files}/nowhere.json`], 64, /--jwks: .*nowhere\.json cannot be read/],
    [[...bare, '--jwks', `${files}/text.json`], 64, /text\.json is not JSON/],
    [[...bare, '--jwks-uri', 'http://shop.example/keys'], 1, /jwks_uri must begin with https/],
    [['update', 'pod'], 64, /give --jwks/],
    [['update', 'pod', '--one-time'], 64, /replaced as a whole: repeat everything/],
    [['update', 'pod', '--audience', 'x'], 64, /replaced as a whole: repeat everything/],
    [[...bare, '--issuer', 'https://a.example ', '--subject', 'x'], 1, /issuer must not contain a space/],
    [['update', 'pod', '--no-assertion', ...keys], 64, /--no-assertion cannot be used with/],
  ] as const)
    t.match(await clients(...given), { code, stderr: message })
  const named = ['--issuer', 'https://a.example', '--subject', 'system:serviceaccount:shop:default']
  t.match(await clients(...bare, ...named, '--allow-default-account'), { code: 0 })
})
