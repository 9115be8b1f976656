import { createAuthClient } from '@latchkey/client'
import { createLetters } from '@latchkey/client/letters'
import t, { type Test } from 'tap'
import { withLetters } from '../support/letters.js'
import { listen } from '../support/raw-request.js'
import { ADA } from './client-page.js'

const NEW = 'another passphrase altogether'

/** The service, a client of it and its letters, as an application without cookies has them. */
async function start(t: Test, overrides: NodeJS.ProcessEnv = {}) {
  const test = await withLetters(t, overrides)
  const baseUrl = `http://127.0.0.1:${await listen(test.app)}`
  let stored: string | null = null
  const storage = {
    get: () => stored,
    set: (token: string | null) => {
      stored = token
    },
  }
  const client = createAuthClient({ baseUrl, transport: 'body', storage })
  t.teardown(() => client.close())
  return { ...test, client, letters: createLetters(client, { baseUrl }), sent: test.letter }
}

t.test('a registration with REGISTRATION=verified returns no user, and its letter makes the account', async t => {
  const { client, letters, sent } = await start(t, { REGISTRATION: 'verified' })
  t.equal(await client.register(ADA), undefined)
  t.notOk(client.user)
  await letters.verifyEmail((await sent('letter_registration')).token)
  t.match(await client.login(ADA), { email: ADA.email })
})

t.test('a forgotten password, and a token that is used twice', async t => {
  const { client, letters, sent } = await start(t)
  await client.register(ADA)
  await letters.forgotPassword(ADA.email)
  const { token } = await sent('letter_password_reset')
  t.match(await client.resetPassword({ token, newPassword: NEW }), { email: ADA.email })
  await t.rejects(letters.notMe(token), { code: 'letter_token_invalid', status: 401 })
})

t.test('a signed-in user confirms the address and changes it, and the owner of the old one undoes this', async t => {
  const { client, letters, sent } = await start(t)
  await client.register(ADA)
  await letters.resendVerification()
  await letters.verifyEmail((await sent('letter_verify_email')).token)
  await t.rejects(letters.changeEmail({ newEmail: 'ada@example.org', password: 'wrong' }), {
    code: 'invalid_credentials',
  })
  await letters.changeEmail({ newEmail: 'ada@example.org', password: ADA.password })
  await letters.confirmEmail((await sent('letter_confirm_email')).token)
  t.match(await client.login({ ...ADA, email: 'ada@example.org' }), { email: 'ada@example.org' })
  await letters.notMe((await sent('letter_email_changed')).token)
  await t.rejects(client.login({ ...ADA, email: 'ada@example.org' }), { code: 'invalid_credentials' })
  t.equal((await sent('letter_password_reset')).to, ADA.email)
})
