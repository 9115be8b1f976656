import t from 'tap'
import { withLetters } from '../support/letters.js'
import { get, PASSWORD, post, signUp } from '../support/people.js'

t.test('with REGISTRATION=verified an account exists when the link of the letter was used', async t => {
  const test = await withLetters(t, { REGISTRATION: 'verified' })
  const { app } = test
  const registration = { email: 'Ada@Example.com', password: PASSWORD }
  const answer = await post(app, '/auth/register', registration)
  t.match([answer.statusCode, answer.body, answer.headers['set-cookie']], [202, '', undefined])
  t.equal((await post(app, '/auth/login', registration)).statusCode, 401, 'not before')
  const { to, token, link } = await test.letter('letter_registration')
  t.equal(to, 'ada@example.com')
  t.equal(link, `http://localhost:3000/account#verify=${token}`)

  t.equal((await post(app, '/auth/verify-email', { token })).statusCode, 204)
  const signedIn = await post(app, '/auth/login', { ...registration, transport: 'body' })
  t.match(signedIn.json(), { user: { email: 'ada@example.com', email_verified: true } })
  t.equal((await post(app, '/auth/verify-email', { token })).json().code, 'letter_token_invalid', 'once')
  const events = await test.database.admin`select type from security_events where user_id is not null order by at, id`
  t.same(
    events.map(({ type }) => type),
    ['letter_registration', 'registered', 'signed_in'],
  )
})

t.test(
  'each registration of an address has its own password, and the first that is confirmed is the account',
  async t => {
    const test = await withLetters(t, { REGISTRATION: 'verified' })
    const { app } = test
    const passwords = ['the password of somebody else', 'the password of the owner']
    for (const password of passwords) {
      await post(app, '/auth/register', { email: 'ada@example.com', password })
      await test.letters()
    }
    const [foreign, own] = await test.letters()
    t.equal((await post(app, '/auth/verify-email', { token: own!.token })).statusCode, 204)
    t.equal((await post(app, '/auth/verify-email', { token: foreign!.token })).json().code, 'email_taken')
    const statuses = passwords.map(password => post(app, '/auth/login', { email: 'ada@example.com', password }))
    t.same(
      (await Promise.all(statuses)).map(({ statusCode }) => statusCode),
      [401, 200],
    )
  },
)

t.test('the owner of an account learns that somebody registered with their address', async t => {
  const test = await withLetters(t, { REGISTRATION: 'open' })
  const ada = await signUp(test.app)
  const { app } = await test.another({ REGISTRATION: 'verified' })
  t.equal((await post(app, '/auth/register', { email: ada.email, password: 'quite another password' })).statusCode, 202)
  await app.context.letterWork.settled()
  const letters = await test.letters()
  t.match(letters, [{ type: 'letter_account_exists', to: ada.email, token: null, link: String }])
  t.equal((await post(app, '/auth/login', { email: ada.email, password: PASSWORD })).statusCode, 200)
})

t.test('a registration that is not confirmed in time is deleted', async t => {
  const test = await withLetters(t, { REGISTRATION: 'verified', EMAIL_CONFIRMATION_EXPIRES_IN: '1h' })
  await post(test.app, '/auth/register', { email: 'ada@example.com', password: PASSWORD })
  const { token } = await test.letter('letter_registration')
  await test.clock.advance(3601)
  t.equal((await post(test.app, '/auth/verify-email', { token })).json().code, 'letter_token_invalid')
  const { cleanUp } = await import('../../src/domain/maintenance.js')
  t.match(await cleanUp(test.stores.db, test.config), { registrations: 1 })
})

t.test('a signed-in user confirms their address, and the next access token says so', async t => {
  const test = await withLetters(t)
  const { app } = test
  const ada = await signUp(app)
  t.match((await get(app, '/auth/profile', ada.accessToken)).json(), { email_verified: false })
  const resend = () => post(app, '/auth/verify-email/resend', {}, { authorization: `Bearer ${ada.accessToken}` })
  t.equal((await resend()).statusCode, 202)
  const { to, token } = await test.letter('letter_verify_email')
  t.equal(to, ada.email)
  t.equal((await post(app, '/auth/verify-email', { token })).statusCode, 204)
  t.match((await get(app, '/auth/profile', ada.accessToken)).json(), { email_verified: true })
  const { access_token } = (await post(app, '/auth/refresh', { refresh_token: ada.refreshToken })).json()
  const claims = (token: string) => JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())
  t.equal(claims(ada.accessToken).email_verified, false)
  t.equal(claims(access_token).email_verified, true)
  await resend()
  t.equal((await test.letters()).length, 1, 'a confirmed address gets no letter')
})

t.test('an address that an earlier version stored with other letters than ASCII is confirmed', async t => {
  const test = await withLetters(t)
  const ada = await signUp(test.app)
  for (const [stored, to] of [
    ['ada@exämple.de', 'ada@xn--exmple-cua.de'],
    ['ada@example.de.', 'ada@example.de.'],
  ] as const) {
    await test.database.admin`update users set email = ${stored}, email_verified_at = null`
    await post(test.app, '/auth/verify-email/resend', {}, { authorization: `Bearer ${ada.accessToken}` })
    const letter = await test.letter('letter_verify_email')
    t.equal(letter.to, to)
    t.equal((await post(test.app, '/auth/verify-email', { token: letter.token })).statusCode, 204)
    t.match((await get(test.app, '/auth/profile', ada.accessToken)).json(), { email: stored, email_verified: true })
  }
})
