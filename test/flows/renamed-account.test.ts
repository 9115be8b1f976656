import t, { type Test } from 'tap'
import { renameUser } from '../../src/domain/accounts/rename-user.js'
import { issuePasswordReset } from '../../src/domain/passwords/password-reset.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { get, PASSWORD, type Person, post, refresh, signUp } from '../support/people.js'

async function start(t: Test) {
  const test = await buildTestApp(t)
  const root = await signUp(test.app, 'root@example.com')
  await test.database.admin`update users set roles = '{admin}' where id = ${root.userId}`
  const { access_token: token } = (await refresh(test.app, root.refreshToken)).json()
  /** Changes an account as an administrator; returns the account, or the code of the refusal. */
  const patch = async ({ userId }: Person, payload: object) => {
    const headers = { authorization: `Bearer ${token}` }
    const response = await test.app.inject({ method: 'PATCH', url: `/admin/users/${userId}`, headers, payload })
    return response.statusCode === 200 ? response.json() : response.json().code
  }
  return { ...test, patch }
}

const status = async ({ app }: Pick<TestApp, 'app'>, names: object) =>
  (await post(app, '/auth/login', { ...names, password: PASSWORD, transport: 'body' })).statusCode

const eventsOf = async ({ app }: Pick<TestApp, 'app'>, { accessToken }: Person) =>
  (await get(app, '/auth/events', accessToken)).json().events as { type: string }[]

t.test('a user who gets another e-mail signs in with it from then on, and stays signed in', async t => {
  const test = await start(t)
  const ada = await signUp(test.app, 'ada@example.com')
  t.match(await test.patch(ada, { email: 'Ada.King@B\u00FCcher.example', username: ' ada ' }), {
    email: 'ada.king@xn--bcher-kva.example',
    username: 'ada',
  })
  t.equal(await status(test, { email: 'ada@example.com' }), 401)
  t.equal(await status(test, { email: 'ada.king@b\u00FCcher.example' }), 200)
  t.equal(await status(test, { username: 'ada' }), 200)
  t.equal((await get(test.app, '/auth/profile', ada.accessToken)).statusCode, 200)
  const events = (await eventsOf(test, ada)).filter(({ type }) => type !== 'signed_in' && type !== 'sign_in_failed')
  t.match(events, [
    { type: 'username_changed', actor: 'administrator', details: {}, ip: null },
    { type: 'email_changed', actor: 'administrator', details: {}, ip: null },
    { type: 'registered' },
  ])

  t.match(await test.patch(ada, { username: 'ada' }), { username: 'ada' })
  t.match(await test.patch(ada, { email: 'ada.king@b\u00FCcher.example' }), { email: 'ada.king@xn--bcher-kva.example' })
  t.equal(
    (await eventsOf(test, ada)).filter(({ type }) => type.endsWith('_changed')).length,
    2,
    'a change to the same value adds no event',
  )
  t.match(await test.patch(ada, { username: null }), { username: null })
  t.equal(await status(test, { username: 'ada' }), 401)
})

t.test('a password reset that was sent to the old address is invalid', async t => {
  const test = await start(t)
  const ada = await signUp(test.app)
  const { token } = await issuePasswordReset(test.app.context, ada.userId, 'test')
  await test.patch(ada, { username: 'ada' })
  await test.patch(ada, { email: 'ada.king@example.com' })
  const answer = await post(test.app, '/auth/reset-password', { token, new_password: 'a passphrase of an intruder' })
  t.equal(answer.json().code, 'reset_token_invalid')
})

t.test('an account cannot get the e-mail or username of another one, in any spelling', async t => {
  const test = await start(t)
  const [ada, bob] = [await signUp(test.app, 'ada@example.com'), await signUp(test.app, 'bob@example.com')]
  const inUnicode = 'bob@b\u00FCcher.example'
  await test.database.admin`update users set username = 'bob', email = ${inUnicode} where id = ${bob.userId}`
  t.equal(await test.patch(ada, { email: 'bob@xn--bcher-kva.example' }), 'email_taken')
  t.equal(await test.patch(ada, { email: inUnicode }), 'email_taken')
  t.equal(await test.patch(ada, { email: 'ROOT@example.com' }), 'email_taken')
  t.equal(await test.patch(ada, { username: 'bob' }), 'username_taken')
  t.equal(await test.patch(ada, { email: 'ada.king@example.com', username: 'bob' }), 'username_taken')
  t.equal(await status(test, { email: 'ada@example.com' }), 200, 'nothing has changed')
  t.match(await test.patch(bob, { email: inUnicode }), { email: 'bob@xn--bcher-kva.example' }, 'its own is not taken')
  const two = ['ada', 'bob'].map(name => renameUser(test.app.context, `${name}@example.com`, { username: 'c' }, 'test'))
  t.match(await Promise.allSettled(two), [{ status: 'fulfilled' }, { reason: { code: 'user_not_found' } }])
})

t.test('of two accounts that are given one e-mail at once, one gets it and the other is refused', async t => {
  const test = await start(t)
  const people = [await signUp(test.app), await signUp(test.app)]
  const codes = await Promise.all(people.map(async person => test.patch(person, { email: 'one@example.com' })))
  t.equal(codes.filter(code => code === 'email_taken').length, 1)
  t.equal(codes.filter(({ email }) => email === 'one@example.com').length, 1)
})

t.test('a username that looks like an e-mail must be the e-mail of its account', async t => {
  const test = await start(t)
  const ada = await signUp(test.app, 'ada@example.com')
  t.equal(await test.patch(ada, { username: 'eve@example.com' }), 'invalid_username')
  t.match(await test.patch(ada, { username: 'ada@example.com' }), { username: 'ada@example.com' })
  t.equal(await test.patch(ada, { email: 'ada.king@example.com' }), 'invalid_username', 'not the old e-mail')
  const both = { email: 'ada.king@example.com', username: 'ada.king@example.com' }
  t.match(await test.patch(ada, both), both)
})

t.test('roles and names cannot be changed in one request', async t => {
  const test = await start(t)
  const ada = await signUp(test.app)
  for (const body of [{}, { roles: [], email: 'ada@example.com' }, { roles: [], username: null }])
    t.equal(await test.patch(ada, body), 'invalid_request')
  t.equal(await test.patch(ada, { email: 'nobody' }), 'invalid_email')
})
