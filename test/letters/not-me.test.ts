import t from 'tap'
import { type TestAppWithLetters, withLetters } from '../support/letters.js'
import { get, PASSWORD, post, refresh, signIn, signUp, verify } from '../support/people.js'

const PHONE = 'Mozilla/5.0 (Android 16; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0'
const NEW = 'another passphrase altogether'

const notMe = ({ app }: TestAppWithLetters, token: string) => post(app, '/auth/not-me', { token })
const login = ({ app }: TestAppWithLetters, email: string, password = PASSWORD) =>
  post(app, '/auth/login', { email, password, transport: 'body' })

/** Changes the address as its owner, or a thief, would. */
async function changeEmail(test: TestAppWithLetters, accessToken: string, new_email: string) {
  const headers = { authorization: `Bearer ${accessToken}` }
  const asked = await post(test.app, '/auth/email', { new_email, password: PASSWORD }, headers)
  if (asked.statusCode !== 202) throw new Error(asked.body)
  const { token, to } = await test.letter('letter_confirm_email')
  if (to !== new_email) throw new Error(`the letter went to ${to}`)
  return post(test.app, '/auth/email/confirm', { token })
}

t.test('a sign-in from a new device sends a notice, and its link ends all sessions and the password', async t => {
  const test = await withLetters(t)
  const { app } = test
  const ada = await signUp(app)
  const same = await signIn(app, ada.email)
  t.same(await test.letters(), [], 'not from a device that is known')
  const thief = await signIn(app, ada.email, PHONE)
  const [notice, ...others] = await test.letters()
  t.match(
    [notice, others],
    [{ type: 'letter_new_device', to: ada.email, token: /^lk_nm_/, link: /#not-me=lk_nm_/ }, []],
  )

  t.equal((await notMe(test, notice!.token)).statusCode, 204)
  for (const person of [ada, same, thief]) {
    t.equal(await verify(app, person.accessToken), 'token_revoked')
    t.equal((await refresh(app, person.refreshToken)).statusCode, 401)
  }
  t.equal((await login(test, ada.email)).statusCode, 401, 'who knows the password cannot sign in again')
  const { to, token } = await test.letter('letter_password_reset')
  t.equal(to, ada.email)
  t.equal((await post(app, '/auth/reset-password', { token, new_password: NEW })).statusCode, 200)
  t.equal((await login(test, ada.email, NEW)).statusCode, 200)
  t.equal((await notMe(test, notice!.token)).json().code, 'letter_token_invalid', 'once')
})

t.test('a notice is committed with the event that it is about, so that it cannot be lost', async t => {
  const test = await withLetters(t)
  const { app, database } = test
  await test.hold(true)
  const ada = await signUp(app)
  await signIn(app, ada.email, PHONE)
  await post(app, '/auth/change-password', { email: ada.email, current_password: PASSWORD, new_password: NEW })
  const commits = await database.admin`
    select array_agg(type order by type) as types from security_events
    where type = any('{signed_in,letter_new_device,password_changed,letter_password_changed}')
    group by xmin::text order by min(at)`
  t.same(
    commits.map(({ types }) => types),
    [
      ['letter_new_device', 'signed_in'],
      ['letter_password_changed', 'password_changed'],
    ],
  )
  const [counted] = await database.admin`
    select (select count(*)::int from one_time_tokens) as tokens, (select count(*)::int from deliveries) as queued`
  t.match(counted, { tokens: 1, queued: 2 })
})

t.test('a user sees what happened once: the event, and not the notice that told of it', async t => {
  const { app } = await withLetters(t)
  const ada = await signUp(app)
  const { accessToken } = await signIn(app, ada.email, PHONE)
  const answer = await app.inject({ url: '/auth/events', headers: { authorization: `Bearer ${accessToken}` } })
  t.same(
    answer.json().events.map(({ type }: { type: string }) => type),
    ['signed_in', 'registered'],
  )
})

t.test('a change of the password sends a notice in the language of the request', async t => {
  const test = await withLetters(t)
  const ada = await signUp(test.app)
  const change = { email: ada.email, current_password: PASSWORD, new_password: NEW }
  await post(test.app, '/auth/change-password', change, { 'accept-language': 'es' })
  t.match(await test.letters(), [{ type: 'letter_password_changed', to: ada.email, language: 'es' }])
})

t.test('without a receiver of letters a notice writes nothing', async t => {
  const test = await withLetters(t)
  const { app, database } = test
  await database.admin`delete from event_receivers`
  const ada = await signUp(app)
  await signIn(app, ada.email, PHONE)
  await app.context.background.settled()
  const [row] = await database.admin`
    select (select count(*)::int from one_time_tokens) as tokens,
      (select count(*)::int from security_events where type like 'letter%') as letters`
  t.same(row, { tokens: 0, letters: 0 })
})

t.test(
  'a user changes the address with the link in a letter to the new one, and the old one gets a notice',
  async t => {
    const test = await withLetters(t)
    const { app } = test
    const ada = await signUp(app, 'ada@example.com')
    t.equal((await changeEmail(test, ada.accessToken, 'ada@example.org')).statusCode, 204)
    t.match((await get(app, '/auth/profile', ada.accessToken)).json(), {
      email: 'ada@example.org',
      email_verified: true,
    })
    t.match(await test.letter('letter_email_changed'), {
      to: 'ada@example.com',
      token: /^lk_ue_/,
      link: /#not-me=lk_ue_/,
    })
    t.equal((await login(test, 'ada@example.org')).statusCode, 200)
    t.equal((await login(test, 'ada@example.com')).statusCode, 401)
  },
)

t.test('a username that is the address changes with it', async t => {
  const test = await withLetters(t)
  const ada = await signUp(test.app, 'ada@example.com')
  await test.database.admin`update users set username = 'ada@example.com'`
  t.equal((await changeEmail(test, ada.accessToken, 'ada@example.org')).statusCode, 204)
  t.match((await get(test.app, '/auth/profile', ada.accessToken)).json(), { username: 'ada@example.org' })
})

t.test('an address needs the password, and one that is not valid is refused', async t => {
  const test = await withLetters(t)
  const ada = await signUp(test.app)
  const headers = { authorization: `Bearer ${ada.accessToken}` }
  const ask = (body: object) => post(test.app, '/auth/email', body, headers)
  const wrong = await ask({ new_email: 'ada@example.org', password: 'wrong' })
  t.equal(wrong.json().code, 'invalid_credentials')
  const invalid = await ask({ new_email: 'ada', password: PASSWORD })
  t.match(invalid.json(), { code: 'invalid_email', errors: [{ field: 'new_email' }] })
  t.equal((await post(test.app, '/auth/email', { new_email: 'a@example.org', password: PASSWORD })).statusCode, 401)
  t.same(await test.letters(), [])
})

t.test('an address of another account gets a letter about it, and the answer is the same', async t => {
  const test = await withLetters(t)
  const [ada, bob] = [await signUp(test.app), await signUp(test.app)]
  const headers = { authorization: `Bearer ${ada.accessToken}` }
  const change = { new_email: bob.email.toUpperCase(), password: PASSWORD }
  t.equal((await post(test.app, '/auth/email', change, headers)).statusCode, 202)
  t.match(await test.letters(), [{ type: 'letter_account_exists', to: bob.email, token: null }])
})

t.test('an address that another account got meanwhile is not taken from it', async t => {
  const test = await withLetters(t)
  const ada = await signUp(test.app)
  const headers = { authorization: `Bearer ${ada.accessToken}` }
  await post(test.app, '/auth/email', { new_email: 'new@example.com', password: PASSWORD }, headers)
  const { token } = await test.letter('letter_confirm_email')
  await signUp(test.app, 'new@example.com')
  t.equal((await post(test.app, '/auth/email/confirm', { token })).json().code, 'email_taken')
})

t.test('a thief who changes the address, twice even, loses the account to the owner of the first one', async t => {
  const test = await withLetters(t)
  const { app } = test
  const ada = await signUp(app, 'ada@example.com')
  const thief = await signIn(app, ada.email, PHONE)
  await changeEmail(test, thief.accessToken, 'thief@example.com')
  const owners = await test.letter('letter_email_changed')
  await changeEmail(test, thief.accessToken, 'thief@example.org')
  const thiefs = await test.letter('letter_email_changed')
  t.same([owners.to, thiefs.to], ['ada@example.com', 'thief@example.com'])

  t.equal((await notMe(test, owners.token)).statusCode, 204)
  t.equal(await verify(app, thief.accessToken), 'token_revoked')
  t.equal((await notMe(test, thiefs.token)).json().code, 'letter_token_invalid', 'the thief cannot undo that')
  const reset = await test.letter('letter_password_reset')
  t.equal(reset.to, 'ada@example.com')
  const answer = await post(app, '/auth/reset-password', { token: reset.token, new_password: NEW, transport: 'body' })
  t.match(answer.json(), { user: { id: ada.userId, email: 'ada@example.com' } })
})

t.test('a thief who undoes the change back to an address of theirs does not keep out the owner', async t => {
  const test = await withLetters(t)
  const ada = await signUp(test.app, 'ada@example.com')
  await changeEmail(test, ada.accessToken, 'thief@example.com')
  const owners = await test.letter('letter_email_changed')
  await changeEmail(test, ada.accessToken, 'thief@example.org')
  t.equal((await notMe(test, (await test.letter('letter_email_changed')).token)).statusCode, 204)
  t.equal((await notMe(test, owners.token)).statusCode, 204)
  t.equal((await test.letter('letter_password_reset')).to, 'ada@example.com')
})

t.test('a change of the address that waits ends when the password changes', async t => {
  const test = await withLetters(t)
  const ada = await signUp(test.app)
  const headers = { authorization: `Bearer ${ada.accessToken}` }
  await post(test.app, '/auth/email', { new_email: 'thief@example.com', password: PASSWORD }, headers)
  const { token } = await test.letter('letter_confirm_email')
  await post(test.app, '/auth/change-password', { email: ada.email, current_password: PASSWORD, new_password: NEW })
  t.equal((await post(test.app, '/auth/email/confirm', { token })).json().code, 'letter_token_invalid')
})
