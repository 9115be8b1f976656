import t from 'tap'
import { renameUser } from '../../src/domain/accounts/rename-user.js'
import { type TestAppWithLetters, withLetters } from '../support/letters.js'
import { PASSWORD, post, signUp } from '../support/people.js'

const notMe = ({ app }: TestAppWithLetters, token: string) => post(app, '/auth/not-me', { token })
const register = ({ app }: TestAppWithLetters, email: string) =>
  post(app, '/auth/register', { email, password: PASSWORD, transport: 'body' })

/** Changes the address as a thief does who knows the password and reads the mail of the new address. */
async function changeEmail(test: TestAppWithLetters, accessToken: string, new_email: string) {
  const headers = { authorization: `Bearer ${accessToken}` }
  await post(test.app, '/auth/email', { new_email, password: PASSWORD }, headers)
  const { token } = await test.letter('letter_confirm_email')
  return post(test.app, '/auth/email/confirm', { token })
}

t.test('a thief cannot register with the old address, so that its owner cannot undo the change', async t => {
  const test = await withLetters(t, { NOT_ME_EXPIRES_IN: '1h' })
  const ada = await signUp(test.app, 'ada@example.com')
  await changeEmail(test, ada.accessToken, 'thief@example.com')
  const { token } = await test.letter('letter_email_changed')
  for (const spelling of ['ada@example.com', ' ADA@Example.COM', 'ａda@example.com'])
    t.equal((await register(test, spelling)).json().code, 'email_taken', spelling)
  t.equal((await notMe(test, token)).statusCode, 204)
  t.equal((await test.letter('letter_password_reset')).to, 'ada@example.com')
  t.equal((await register(test, 'thief@example.com')).statusCode, 201, 'the address of the thief is free')
})

t.test('a thief who registers while the address changes does not get the old one', async t => {
  const test = await withLetters(t)
  const ada = await signUp(test.app, 'ada@example.com')
  const headers = { authorization: `Bearer ${ada.accessToken}` }
  await post(test.app, '/auth/email', { new_email: 'thief@example.com', password: PASSWORD }, headers)
  const confirming = await test.letter('letter_confirm_email')
  const [confirmed, ...registered] = await Promise.all([
    post(test.app, '/auth/email/confirm', { token: confirming.token }),
    ...Array.from({ length: 5 }, () => register(test, 'ada@example.com')),
  ])
  t.equal(confirmed.statusCode, 204)
  for (const answer of registered) t.equal(answer.json().code, 'email_taken')
  t.equal((await notMe(test, (await test.letter('letter_email_changed')).token)).statusCode, 204)
})

t.test('an address can be registered again when the change of it can no longer be undone', async t => {
  const test = await withLetters(t, { NOT_ME_EXPIRES_IN: '1h' })
  const ada = await signUp(test.app, 'ada@example.com')
  await changeEmail(test, ada.accessToken, 'ada@example.org')
  await test.clock.advance(3601)
  t.equal((await register(test, 'ada@example.com')).statusCode, 201)
})

t.test('a thief cannot undo that an administrator gave the account its old address again', async t => {
  const test = await withLetters(t)
  const ada = await signUp(test.app, 'ada@example.com')
  await changeEmail(test, ada.accessToken, 'thief@example.com')
  await changeEmail(test, ada.accessToken, 'thief@example.org')
  const { token, to } = await test.letter('letter_email_changed')
  t.equal(to, 'thief@example.com')
  await renameUser(test.app.context, ada.userId, { email: 'ada@example.com' }, 'cli')
  t.equal((await notMe(test, token)).json().code, 'letter_token_invalid')
  await t.rejects(test.letter('letter_password_reset'), 'no letter goes to the thief')
})
