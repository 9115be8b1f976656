import t from 'tap'
import { disableUser } from '../../src/domain/accounts/administer-users.js'
import { newId } from '../../src/lib/ids.js'
import { buildTestApp } from '../support/build-test-app.js'
import { asClient, signUpAdmin } from '../support/clients.js'
import { askForDeletion, DAY, deleteDue, exists, typesOf } from '../support/deletions.js'
import { withLetters } from '../support/letters.js'
import { get, PASSWORD, post, refresh, signIn, signUp, verify } from '../support/people.js'

const NEW = 'another passphrase altogether'

t.test(
  'a user who deletes the account is signed out everywhere at once, and the account is gone after the delay',
  async t => {
    const test = await buildTestApp(t)
    const { app, clock } = test
    const ada = await signUp(app)
    const phone = await signIn(app, ada.email)
    const answer = await askForDeletion(app, ada)
    t.equal(answer.statusCode, 202)
    t.equal(answer.headers['cache-control'], 'no-store')
    const inDays = (Date.parse(answer.json().delete_at) - clock.now()) / 1000 / DAY
    t.ok(inDays > 13.9 && inDays < 14.1, `${inDays}`)
    for (const { accessToken, refreshToken } of [ada, phone]) {
      t.equal(await verify(app, accessToken), 'token_revoked')
      t.equal((await refresh(app, refreshToken)).json().code, 'session_revoked')
    }

    await clock.advance(13 * DAY)
    t.equal(await deleteDue(test), 0)
    await clock.advance(DAY + 60)
    t.equal(await deleteDue(test), 1)
    t.notOk(await exists(test, ada.userId))
    t.equal((await post(app, '/auth/login', { email: ada.email, password: PASSWORD })).statusCode, 401)
    t.same((await typesOf(test, ada.userId)).slice(-2), ['account_deletion_requested', 'user_deleted'])
    const [deleted] = await test.database.admin`select actor from security_events where type = 'user_deleted'`
    t.equal(deleted!.actor, 'user')
    t.equal((await signUp(app, ada.email)).email, ada.email, 'the address is free again')
  },
)

t.test('the browser of a user who deletes the account forgets its cookies', async t => {
  const { app } = await buildTestApp(t)
  const { email, accessToken } = await signUp(app)
  const { cookies } = await post(app, '/auth/login', { email, password: PASSWORD })
  const { name, value } = cookies.find(cookie => cookie.name === '__Host-latchkey')!
  const answer = await askForDeletion(app, { accessToken }, PASSWORD, { cookie: `${name}=${value}` })
  t.equal(answer.statusCode, 202)
  t.match(
    answer.cookies.find(cookie => cookie.name === name),
    { value: '', maxAge: 0 },
  )
})

t.test('a user who signs in before the delay is over keeps the account, and is told once', async t => {
  const test = await buildTestApp(t)
  const { app, clock } = test
  const ada = await signUp(app)
  await askForDeletion(app, ada)
  await clock.advance(13 * DAY)
  const credentials = { email: ada.email, password: PASSWORD, transport: 'body' }
  const back = await post(app, '/auth/login', credentials)
  t.match(back.json(), { deletion_cancelled: true, user: { id: ada.userId } })
  t.equal(await verify(app, back.json().access_token), 200)
  t.notMatch((await post(app, '/auth/login', credentials)).json(), { deletion_cancelled: Boolean })
  t.notMatch((await refresh(app, back.json().refresh_token)).json(), { deletion_cancelled: Boolean })
  await clock.advance(2 * DAY)
  t.equal(await deleteDue(test), 0)
  t.ok(await exists(test, ada.userId))
  const types = await typesOf(test, ada.userId)
  t.equal(types.filter(type => type === 'account_deletion_cancelled').length, 1)
})

t.test('every kind of sign-in keeps the account', async t => {
  const test = await buildTestApp(t, { DIALECTS: 'simple-jwt,envelope' })
  const { app } = test
  const [client, admin] = [await asClient(app, 'sessions'), await asClient(app, 'admin')]
  const kinds: Record<string, (ada: { email: string; userId: string }) => Promise<unknown>> = {
    login: ({ email }) => post(app, '/auth/login', { email, password: PASSWORD }),
    'simple jwt': ({ email }) => post(app, '/api/token/', { username: email, password: PASSWORD }),
    envelope: ({ email }) => post(app, `${test.config.envelope.prefix}/login`, { email, password: PASSWORD }),
    'a changed password': ({ email }) =>
      post(app, '/auth/change-password', { email, current_password: PASSWORD, new_password: NEW }),
    'a new password by a link': async ({ userId }) => {
      const issued = await post(app, `/admin/users/${userId}/password-reset`, {}, admin)
      t.equal(await isPlanned(userId), true, 'the link alone keeps nothing')
      return post(app, '/auth/reset-password', { token: issued.json().token, new_password: NEW })
    },
    'a client': ({ userId }) => post(app, `/admin/users/${userId}/sessions`, {}, client),
  }
  const isPlanned = async (id: string) => (await app.context.db.users.findById(id))?.deleteAt instanceof Date
  for (const [kind, act] of Object.entries(kinds)) {
    const ada = await signUp(app)
    await askForDeletion(app, ada)
    t.equal(await isPlanned(ada.userId), true, kind)
    const answer = (await act(ada)) as Awaited<ReturnType<typeof post>>
    t.ok(answer.statusCode < 300, `${kind}: ${answer.body}`)
    t.equal(await isPlanned(ada.userId), false, kind)
    t.equal((await typesOf(test, ada.userId)).at(-2), 'account_deletion_cancelled', kind)
    if (!/simple|envelope/.test(kind)) t.match(answer.json(), { deletion_cancelled: true }, kind)
  }
})

t.test('a wrong password, and a new password that must be changed first, keep nothing', async t => {
  const { app } = await buildTestApp(t)
  const admin = await asClient(app, 'admin')
  const ada = await signUp(app)
  await askForDeletion(app, ada)
  await post(app, '/auth/login', { email: ada.email, password: 'a guess' })
  const { temporary_password } = (await post(app, `/admin/users/${ada.userId}/temporary-password`, {}, admin)).json()
  const refused = await post(app, '/auth/login', { email: ada.email, password: temporary_password })
  t.equal(refused.json().code, 'password_change_required')
  t.ok((await app.context.db.users.findById(ada.userId))!.deleteAt)
})

t.test('an ordinary sign-in needs no transaction for this, and one that keeps the account does', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const transactions = t.capture(app.context.db, 'transaction', app.context.db.transaction)
  await signIn(app, ada.email)
  t.equal(transactions().length, 0)
  await askForDeletion(app, ada)
  transactions()
  await signIn(app, ada.email)
  t.equal(transactions().length, 1)
})

t.test('two requests at once plan one deletion, and both are told the same date', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const answers = await Promise.all([askForDeletion(test.app, ada), askForDeletion(test.app, ada)])
  const accepted = answers.filter(({ statusCode }) => statusCode === 202)
  t.ok(accepted.length >= 1)
  t.equal(new Set(accepted.map(answer => answer.json().delete_at)).size, 1)
  const types = await typesOf(test, ada.userId)
  t.equal(types.filter(type => type === 'account_deletion_requested').length, 1)
})

t.test('with no delay the account is deleted at once, by its owner', async t => {
  const test = await buildTestApp(t, { ACCOUNT_DELETION_DELAY: '0' })
  const { app } = test
  const ada = await signUp(app)
  const answer = await askForDeletion(app, ada)
  t.equal(answer.statusCode, 202)
  t.ok(Math.abs(Date.parse(answer.json().delete_at) - Date.now()) < 60_000)
  t.notOk(await exists(test, ada.userId))
  t.equal(await verify(app, ada.accessToken), 'token_revoked')
  t.same(await typesOf(test, ada.userId), ['registered', 'user_deleted'])
  const [event] = await test.database.admin`select actor, ip from security_events where type = 'user_deleted'`
  t.match(event, { actor: 'user', ip: '127.0.0.1' })
})

t.test('a disabled account is deleted when it is due, and a sign-in does not keep or enable it', async t => {
  const test = await buildTestApp(t)
  const { app, clock } = test
  const ada = await signUp(app)
  await askForDeletion(app, ada)
  await disableUser(app.context, ada.userId, 'cli')
  t.equal((await post(app, '/auth/login', { email: ada.email, password: PASSWORD })).statusCode, 401)
  t.match(await app.context.db.users.findById(ada.userId), { deleteAt: Date, disabledAt: Date })
  await clock.advance(14 * DAY + 60)
  t.equal(await deleteDue(test), 1)
})

t.test('a client that signs in a disabled user is refused, and keeps nothing', async t => {
  const { app } = await buildTestApp(t)
  const client = await asClient(app, 'sessions')
  const ada = await signUp(app)
  await askForDeletion(app, ada)
  await disableUser(app.context, ada.userId, 'cli')
  const answer = await post(app, `/admin/users/${ada.userId}/sessions`, {}, client)
  t.match(answer.json(), { status: 409, code: 'account_disabled' })
  t.ok((await app.context.db.users.findById(ada.userId))!.deleteAt)
})

t.test('administrators cannot delete themselves', async t => {
  const test = await buildTestApp(t)
  const admin = await signUpAdmin(test.app)
  const answer = await askForDeletion(test.app, admin)
  t.match(answer.json(), { status: 409, code: 'own_account' })
  t.equal(await verify(test.app, admin.accessToken), 200)
})

t.test('an administrator sees the date, and keeps the account', async t => {
  const test = await buildTestApp(t)
  const { app, clock } = test
  const admin = await signUpAdmin(app)
  const ada = await signUp(app)
  const seen = async () => (await get(app, `/admin/users/${ada.userId}`, admin.accessToken)).json().delete_at
  t.equal(await seen(), null)
  const { delete_at } = (await askForDeletion(app, ada)).json()
  t.equal(await seen(), delete_at)
  const keep = (userId: string) =>
    app.inject({
      method: 'DELETE',
      url: `/admin/users/${userId}/deletion`,
      headers: { authorization: `Bearer ${admin.accessToken}` },
    })
  t.equal((await keep(ada.userId)).statusCode, 204)
  t.equal((await keep(ada.userId)).statusCode, 204)
  t.equal((await keep(newId())).statusCode, 404)
  t.equal(await seen(), null)
  const cancelled = await test.database.admin`
    select actor from security_events where type = 'account_deletion_cancelled' and user_id = ${ada.userId}`
  t.same([...cancelled], [{ actor: admin.userId }])
  await clock.advance(20 * DAY)
  t.equal(await deleteDue(test), 0)
})

t.test('a letter tells the owner the date, and its link keeps the account', async t => {
  const test = await withLetters(t)
  const { app } = test
  const ada = await signUp(app)
  const { delete_at } = (await askForDeletion(app, ada, PASSWORD, { 'accept-language': 'fr' })).json()
  await app.context.background.settled()
  const letter = await test.letter('letter_deletion_requested')
  t.match(letter, { to: ada.email, language: 'fr', link: /#not-me=lk_nm_/ })
  const [event] = await test.database
    .admin`select details from security_events where type = 'letter_deletion_requested'`
  t.match(event!.details, { delete_at })
  t.equal((await post(app, '/auth/not-me', { token: letter.token })).statusCode, 204)
  t.equal((await app.context.db.users.findById(ada.userId))!.deleteAt, null)
  const types = await typesOf(test, ada.userId)
  t.ok(types.includes('account_deletion_cancelled') && types.includes('account_secured'))
})
