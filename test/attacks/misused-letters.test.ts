import { createHash } from 'node:crypto'
import t from 'tap'
import { renameUser } from '../../src/domain/accounts/rename-user.js'
import { readOneTimeToken, writeOneTimeToken } from '../../src/domain/letters/one-time-token.js'
import { type TestAppWithLetters, withLetters } from '../support/letters.js'
import { PASSWORD, post, signUp } from '../support/people.js'
import { startMailServer } from '../support/smtp-server.js'

const NEW = 'another passphrase altogether'

const forgot = ({ app }: TestAppWithLetters, email: string) => post(app, '/auth/forgot-password', { email })
const reset = ({ app }: TestAppWithLetters, token: string) =>
  post(app, '/auth/reset-password', { token, new_password: NEW, transport: 'body' })
const confirm = ({ app }: TestAppWithLetters, token: string) => post(app, '/auth/verify-email', { token })
const resend = ({ app }: TestAppWithLetters, accessToken: string) =>
  post(app, '/auth/verify-email/resend', {}, { authorization: `Bearer ${accessToken}` })

t.test('of ten letters that were asked for at once, one has a living token', async t => {
  const test = await withLetters(t)
  const ada = await signUp(test.app)
  const answers = await Promise.all(Array.from({ length: 10 }, () => forgot(test, ada.email)))
  t.ok(answers.every(({ statusCode }) => statusCode === 202))
  const letters = await test.letters()
  t.ok(letters.length >= 1)
  const statuses = []
  for (const { token } of letters) statuses.push((await reset(test, token)).statusCode)
  t.equal(statuses.filter(status => status === 200).length, 1)
})

t.test('a token that is used by ten requests at once works once', async t => {
  const test = await withLetters(t)
  const ada = await signUp(test.app)
  await resend(test, ada.accessToken)
  const { token } = await test.letter('letter_verify_email')
  const answers = await Promise.all(Array.from({ length: 10 }, () => confirm(test, token)))
  t.same(answers.map(({ statusCode }) => statusCode).sort(), [204, ...Array(9).fill(401)])
})

t.test('a token is refused for another purpose, and so is its secret with another prefix or tag', async t => {
  const test = await withLetters(t)
  const { secrets } = test.app.context
  const ada = await signUp(test.app)
  await forgot(test, ada.email)
  await resend(test, ada.accessToken)
  const resetting = (await test.letter('letter_password_reset')).token
  const verifying = (await test.letter('letter_verify_email')).token
  t.equal((await reset(test, verifying)).json().code, 'reset_token_invalid')
  t.equal((await confirm(test, resetting)).json().code, 'letter_token_invalid')
  t.equal((await reset(test, verifying.replace('lk_ve_', 'lk_pr_'))).json().code, 'reset_token_invalid')
  t.equal((await confirm(test, resetting.replace('lk_pr_', 'lk_ve_'))).json().code, 'letter_token_invalid')
  // As if the keys were known, but not the secret of the other purpose.
  const secret = readOneTimeToken(secrets, 'verify_email', verifying)!
  t.equal((await reset(test, writeOneTimeToken(secrets, 'password_reset', secret))).statusCode, 401)
  t.equal((await confirm(test, writeOneTimeToken(secrets, 'registration', secret))).statusCode, 401)
  t.equal((await confirm(test, verifying)).statusCode, 204)
  t.equal((await reset(test, resetting)).statusCode, 200)
})

t.test('a token is refused when it was replaced, used or has expired', async t => {
  const test = await withLetters(t, { EMAIL_CONFIRMATION_EXPIRES_IN: '1h' })
  const ada = await signUp(test.app)
  const letter = async () => {
    await resend(test, ada.accessToken)
    return (await test.letter('letter_verify_email')).token
  }
  const [older, newer] = [await letter(), await letter()]
  t.equal((await confirm(test, older)).json().code, 'letter_token_invalid')
  t.equal((await confirm(test, newer)).statusCode, 204)
  t.equal((await confirm(test, newer)).json().code, 'letter_token_invalid')

  const bob = await signUp(test.app)
  await resend(test, bob.accessToken)
  const { token } = await test.letter('letter_verify_email')
  await test.clock.advance(3601)
  t.equal((await confirm(test, token)).json().code, 'letter_token_invalid')
})

t.test('a token that went to an address does not work after the address changed', async t => {
  const test = await withLetters(t)
  const ada = await signUp(test.app)
  await forgot(test, ada.email)
  await resend(test, ada.accessToken)
  const tokens = [(await test.letter('letter_password_reset')).token, (await test.letter('letter_verify_email')).token]
  await renameUser(test.app.context, ada.userId, { email: 'new@example.com' }, 'test')
  t.equal((await reset(test, tokens[0]!)).json().code, 'reset_token_invalid')
  t.equal((await confirm(test, tokens[1]!)).json().code, 'letter_token_invalid')
  await renameUser(test.app.context, ada.userId, { email: ada.email }, 'test')
  t.equal((await confirm(test, tokens[1]!)).json().code, 'letter_token_invalid', 'also when it is the address again')
})

t.test('a forged token is refused without a statement', async t => {
  const test = await withLetters(t)
  const ada = await signUp(test.app)
  await resend(test, ada.accessToken)
  const { token } = await test.letter('letter_verify_email')
  const bytes = Buffer.from(token.slice('lk_ve_'.length), 'base64url')
  const { oneTimeTokens, registrations } = test.stores.db
  let reads = 0
  const count = (repository: object) => Object.assign(repository, { find: () => reads++, take: () => reads++ })
  for (const repository of [oneTimeTokens, registrations]) count(repository)
  for (const at of bytes.keys()) {
    const copy = Buffer.from(bytes)
    copy[at]! ^= 1
    t.equal((await confirm(test, `lk_ve_${copy.toString('base64url')}`)).json().code, 'letter_token_invalid')
  }
  t.equal(reads, 0)
})

t.test('the database contains no token, only hashes', async t => {
  const test = await withLetters(t, { REGISTRATION: 'open' })
  const { app, database } = test
  const verified = await test.another({ REGISTRATION: 'verified' })
  const ada = await signUp(app)
  await test.hold(true)
  await forgot(test, ada.email)
  await resend(test, ada.accessToken)
  await post(verified.app, '/auth/register', { email: 'new@example.com', password: PASSWORD })
  await verified.app.context.letterWork.settled()
  await app.context.letterWork.settled()
  const tables = [
    'password_resets',
    'one_time_tokens',
    'registrations',
    'security_events',
    'deliveries',
    'event_receivers',
  ]
  const dumps = []
  for (const table of tables) dumps.push(...(await database.admin.unsafe(`select t::text as row from ${table} as t`)))
  const dump = dumps.map(({ row }) => row as string).join('\n')
  await test.hold(false)
  const letters = await test.letters()
  t.equal(letters.length, 3)
  for (const { token } of letters) {
    const secret = Buffer.from(token.slice('lk_xx_'.length), 'base64url').subarray(17, 49)
    t.notOk(dump.includes(token.slice(40)))
    t.notOk(dump.includes(secret.toString('hex')))
    t.ok(dump.includes(createHash('sha256').update(secret).digest('hex')))
  }
})

t.test('an address or a browser cannot add a header, a recipient or a text of its own to a letter', async t => {
  const server = await startMailServer(t)
  const test = await withLetters(t, {
    ...{ SMTP_URL: server.url, MAIL_FROM: 'no-reply@shop.example', REGISTRATION: 'verified' },
  })
  const { app } = test
  const addresses = [
    'eve@example.com\r\nBcc: all@example.com',
    'eve@example.com\nSubject: hello',
    'eve@example.com, all@example.com',
    'eve@example.com;all@example.com',
    '"eve" <eve@example.com>',
    'eve@example.com\u2028Bcc: all@example.com',
    'eve(all@example.com)@example.com',
    'eve@example.com%0d%0aBcc:all@example.com',
  ]
  for (const email of addresses)
    t.equal(
      (await post(app, '/auth/register', { email, password: PASSWORD })).json().code,
      'invalid_email',
      encodeURIComponent(email),
    )
  const browsers = [
    'You won 1000 EUR, see http://evil.example/win now/1.0',
    '<a href="http://evil.example">click</a>',
    'evil.example/{{token}}',
  ]
  for (const [index, userAgent] of browsers.entries()) {
    const registration = { email: `victim${index}@example.com`, password: PASSWORD }
    await post(app, '/auth/register', registration, { 'user-agent': userAgent, 'accept-language': 'en\tfr, <b>' })
    await test.letters()
  }
  t.equal(server.mails.length, browsers.length)
  for (const [index, { to, source }] of server.mails.entries()) {
    t.same(to, [`victim${index}@example.com`])
    t.notMatch(source, /evil|won 1000|Bcc|\{\{/i)
    t.equal(source.match(/^To: /gim)?.length, 1)
  }
})
