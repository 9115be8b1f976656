import t, { type Test } from 'tap'
import { createUser } from '../../src/domain/accounts/administer-users.js'
import { importUsers } from '../../src/domain/import/import-users.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { PASSWORD, post, signUp } from '../support/people.js'

// A username that is another user's e-mail: the owner's sign-ins would go to the wrong account.

const OWNER = 'ada@example.com'
const HASH = '$2b$04$pWfBE2t2NVFv6hs.wwyLauEFuTqZvXWT2ZxpxD1OgPBRnAfPr4zfG'

/** One address in spellings that a simple comparison takes for other texts. */
const SPELLINGS = [
  OWNER,
  'ADA@Example.COM',
  ' ada@example.com',
  'ada@example.com\u00A0',
  'ada＠example.com',
  'ａｄａ@example.com',
  'ada@exam\u200Bple.com',
  'ada@example.com\u200D',
  '\u2060ada@example.com',
  'ada@example.\u00ADcom',
]

async function importOf(test: TestApp, ...accounts: object[]) {
  const refused: [number, string][] = []
  const lines = accounts.map((account, at) => ({
    number: at + 1,
    text: JSON.stringify({ password_hash: HASH, ...account }),
  }))
  const counts = await importUsers(
    test.app.context,
    (async function* () {
      yield* lines
    })(),
    { onRefused: (line, reason) => refused.push([line, reason]), onIgnored() {}, onProgress() {} },
    'test',
  )
  return { counts, refused }
}

const idAnswering = async ({ app }: TestApp, username: string): Promise<string | undefined> => {
  const response = await post(app, '/api/token/', { username, password: PASSWORD })
  if (response.statusCode !== 200) return undefined
  return JSON.parse(Buffer.from(response.json().access.split('.')[1], 'base64url').toString()).sub
}

const start = (t: Test) => buildTestApp(t)

t.test('no account can be created with another e-mail as its username, whether or not it is a user’s yet', async t => {
  const test = await start(t)
  const { context } = test.app
  for (const username of SPELLINGS)
    await t.rejects(
      createUser(context, { email: 'eve@example.com', username }, 'test'),
      { code: 'invalid_username', status: 422, detail: /e-mail/ },
      JSON.stringify(username),
    )
  const { imported } = (await importOf(test, { email: OWNER })).counts
  t.equal(imported, 1)
  for (const username of SPELLINGS)
    await t.rejects(createUser(context, { email: 'eve@example.com', username }, 'test'), { code: 'invalid_username' })
})

t.test('no account can be imported with another user’s e-mail as its username', async t => {
  const test = await start(t)
  const { counts, refused } = await importOf(
    test,
    ...SPELLINGS.map((username, at) => ({ email: `eve${at}@example.com`, username })),
    { email: OWNER },
  )
  t.match(counts, { imported: 1, refused: SPELLINGS.length })
  for (const [, reason] of refused) t.match(reason, /^The username .*e-mail/)
})

t.test('of concurrent imports of the owner and of an impostor, only the owner’s succeeds', async t => {
  const test = await start(t)
  const results = await Promise.all([
    importOf(test, { email: OWNER }),
    importOf(test, { email: 'eve@example.com', username: OWNER }),
    importOf(test, { email: OWNER, username: OWNER }),
  ])
  t.equal(results[1].counts.refused, 1)
  t.equal(results[0].counts.imported + results[2].counts.imported, 1)
})

t.test('an account’s own e-mail is accepted as its username, in every spelling', async t => {
  const test = await start(t)
  for (const [at, username] of [
    'ada0@example.com',
    'ADA1@Example.com',
    'ａda2@example.com',
    ' ada3@example.com ',
  ].entries())
    await createUser(test.app.context, { email: `Ada${at}@EXAMPLE.com`, username }, 'test')
  const { counts } = await importOf(test, { email: 'Bob@example.com', username: 'BOB@example.com' })
  t.match(counts, { imported: 1, refused: 0 })
})

t.test('an account with another user’s e-mail as its username does not block the owner’s sign-in', async t => {
  const test = await start(t)
  const { app, database } = test
  const eve = await signUp(app)
  // An earlier version allowed this.
  await database.admin`update users set username = ${OWNER} where id = ${eve.userId}`
  t.equal(await idAnswering(test, OWNER), eve.userId, 'no other account has that name yet')

  const ada = await signUp(app, OWNER)
  for (const name of [OWNER, 'ADA@example.com', ' ada＠example.com '])
    t.equal(await idAnswering(test, name), ada.userId, `${name} signs the owner in`)
  t.equal(await idAnswering(test, eve.email), eve.userId, 'the other account signs in by its own e-mail')
})

t.test('usernames that differ only in invisible characters at their ends are one username', async t => {
  const test = await start(t)
  const { app, stores } = test
  await createUser(app.context, { email: 'ada@example.com', username: 'ada' }, 'test')
  for (const username of ['ada ', '\u00A0ada', 'ada\u200B', '\uFEFFada', 'ada\u2060\n'])
    await t.rejects(
      createUser(app.context, { email: 'eve@example.com', username }, 'test'),
      { code: 'username_taken' },
      JSON.stringify(username),
    )
  for (const username of ['', ' ', '\u200B', '\u3164'])
    await t.rejects(createUser(app.context, { email: 'eve@example.com', username }, 'test'), {
      code: 'invalid_username',
    })
  await createUser(app.context, { email: 'bob@example.com', username: ' Bob Lee\u200B' }, 'test')
  t.match(await stores.db.users.findByEmail('bob@example.com'), { username: 'Bob Lee' })
  await createUser(app.context, { email: 'cleo@example.com', username: '@cleo' }, 'test')
})

t.test('POST /admin/users answers 422 invalid_username to a username that is another e-mail', async t => {
  const test = await start(t)
  const { app, database } = test
  const root = await signUp(app)
  await database.admin`update users set roles = '{admin}' where id = ${root.userId}`
  const { access_token } = (await post(app, '/auth/refresh', { refresh_token: root.refreshToken })).json()
  const response = await post(
    app,
    '/admin/users',
    { email: 'eve@example.com', username: 'ADA@example.com' },
    { authorization: `Bearer ${access_token}` },
  )
  t.equal(response.statusCode, 422)
  t.match(response.json(), { code: 'invalid_username', detail: /e-mail/ })
})
