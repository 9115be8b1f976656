import { createHash } from 'node:crypto'
import t from 'tap'
import { disableUser, enableUser } from '../../src/domain/accounts/administer-users.js'
import { deriveSecrets } from '../../src/domain/keys/secrets.js'
import { newOneTimeToken, writeOneTimeToken } from '../../src/domain/letters/one-time-token.js'
import { cleanUp } from '../../src/domain/maintenance.js'
import { issuePasswordReset } from '../../src/domain/passwords/password-reset.js'
import { newId } from '../../src/lib/ids.js'
import { buildTestApp, TEST_SECRETS, type TestApp } from '../support/build-test-app.js'
import { PASSWORD, post, refresh, signIn, signUp, verify } from '../support/people.js'

const NEW = 'another passphrase altogether'

const issue = async ({ app }: TestApp, name: string) => (await issuePasswordReset(app.context, name, 'test')).token

const reset = ({ app }: Pick<TestApp, 'app'>, token: string, new_password = NEW) =>
  post(app, '/auth/reset-password', { token, new_password, transport: 'body' })

const login = ({ app }: TestApp, email: string, password: string) => post(app, '/auth/login', { email, password })

t.test('a reset token sets a new password, signs the user in and revokes all other sessions', async t => {
  const test = await buildTestApp(t)
  const { app, database } = test
  const ada = await signUp(app)
  const phone = await signIn(app, ada.email)
  const { token, email, userId } = await issuePasswordReset(app.context, ada.email.toUpperCase(), 'support')
  t.match(token, /^lk_pr_[\w-]{87}$/)
  t.same([email, userId], [ada.email, ada.userId])
  t.equal((await refresh(app, ada.refreshToken)).statusCode, 200, 'issuing the token changes nothing')
  t.equal((await login(test, ada.email, PASSWORD)).statusCode, 200)

  const answer = await reset(test, token)
  t.equal(answer.statusCode, 200)
  t.equal(answer.headers['cache-control'], 'no-store')
  t.match(answer.json(), { user: { id: ada.userId }, refresh_token: /^lk_rt_/ })
  t.equal(await verify(app, answer.json().access_token), 200)
  for (const { accessToken, refreshToken } of [ada, phone]) {
    t.equal(await verify(app, accessToken), 'token_revoked')
    t.equal((await refresh(app, refreshToken)).json().code, 'session_revoked')
  }
  t.equal((await login(test, ada.email, PASSWORD)).statusCode, 401)
  t.equal((await login(test, ada.email, NEW)).statusCode, 200)

  const events = await database.admin`
    select type, actor from security_events where user_id = ${ada.userId} and type like 'password%' order by at`
  t.match(
    [...events],
    [
      { type: 'password_reset_issued', actor: 'support' },
      { type: 'password_reset', actor: 'user' },
    ],
  )
  const [session] = await database.admin`select revoke_reason from sessions where id = ${phone.sessionId}`
  t.equal(session!.revoke_reason, 'password_reset')
})

t.test('a password reset gives a browser its refresh token as a cookie', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const body = { token: await issue(test, ada.email), new_password: NEW }
  const answer = await post(test.app, '/auth/reset-password', body)
  t.match(answer.headers['set-cookie'], /^__Host-latchkey=lk_rt_/)
  t.notOk('refresh_token' in answer.json())
})

t.test('a page of another site cannot sign a browser in by a password reset', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const body = { token: await issue(test, ada.email), new_password: NEW }
  const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
  t.equal((await post(test.app, '/auth/reset-password', body, foreign)).json().code, 'cross_site_request')
})

t.test('a password reset fulfils a forced password change', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  await test.database.admin`update users set must_change_password = true where id = ${ada.userId}`
  t.equal((await login(test, ada.email, PASSWORD)).json().code, 'password_change_required')
  t.equal((await reset(test, await issue(test, ada.email))).statusCode, 200)
  t.equal((await login(test, ada.email, NEW)).statusCode, 200)
})

t.test('a reset token works once', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const token = await issue(test, ada.email)
  t.equal((await reset(test, token)).statusCode, 200)
  t.match((await reset(test, token, 'and yet another one')).json(), { status: 401, code: 'reset_token_invalid' })
  t.equal((await login(test, ada.email, NEW)).statusCode, 200)
})

t.test('of concurrent uses of a reset token one succeeds', async t => {
  const test = await buildTestApp(t)
  const other = await test.another()
  const ada = await signUp(test.app)
  const token = await issue(test, ada.email)
  const answers = await Promise.all([
    reset(test, token, 'the first new passphrase'),
    reset(other, token, 'the second new passphrase'),
    reset(test, token, 'the third new passphrase'),
  ])
  t.same(answers.map(({ statusCode }) => statusCode).sort(), [200, 401, 401])
  const winner = answers.find(({ statusCode }) => statusCode === 200)!
  t.equal(await verify(test.app, winner.json().access_token), 200)
  const [row] = await test.database.admin`select count(*)::int from refresh_tokens`
  t.equal(row!.count, 1, 'one session is left')
})

t.test('a new reset token replaces the previous one', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const [first, second] = [await issue(test, ada.email), await issue(test, ada.userId)]
  t.equal((await reset(test, first)).json().code, 'reset_token_invalid')
  t.equal((await reset(test, second)).statusCode, 200)
})

t.test('a reset token expires, and clean-up then deletes it', async t => {
  const test = await buildTestApp(t, { PASSWORD_RESET_EXPIRES_IN: '10m' })
  const { app, clock, config } = test
  const [ada, bob] = [await signUp(app), await signUp(app)]
  const token = await issue(test, ada.email)
  await clock.advance(9 * 60)
  const later = await issue(test, bob.email)
  t.match(await cleanUp(app.context.db, config), { passwordResets: 0 })
  await clock.advance(61)
  t.equal((await reset(test, token)).json().code, 'reset_token_invalid')
  t.match(await cleanUp(app.context.db, config), { passwordResets: 1 })
  t.equal((await reset(test, later)).statusCode, 200)
})

t.test('a password change invalidates an earlier reset token', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const token = await issue(test, ada.email)
  const change = { email: ada.email, current_password: PASSWORD, new_password: NEW }
  t.equal((await post(test.app, '/auth/change-password', change)).statusCode, 200)
  t.equal((await reset(test, token, 'the thief’s passphrase')).json().code, 'reset_token_invalid')
})

t.test('a reset token is refused for a disabled account, and also after the account is enabled again', async t => {
  const test = await buildTestApp(t)
  const { context } = test.app
  const ada = await signUp(test.app)
  const token = await issue(test, ada.email)
  await disableUser(context, ada.userId, 'test')
  t.equal((await reset(test, token)).json().code, 'reset_token_invalid')
  await t.rejects(issue(test, ada.email), { code: 'account_disabled' })
  await enableUser(context, ada.userId, 'test')
  t.equal((await reset(test, token)).json().code, 'reset_token_invalid')
  t.equal((await reset(test, await issue(test, ada.email))).statusCode, 200)
})

t.test('a reset token of an account disabled directly in the database is refused before hashing', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const token = await issue(test, ada.email)
  await test.database.admin`update users set disabled_at = now()`
  const before = test.stores.db.statementsSent
  t.equal((await reset(test, token)).json().code, 'reset_token_invalid')
  t.equal(test.stores.db.statementsSent, before + 1, 'one statement, before any hash')
})

t.test('no reset token can be issued for an unknown account', async t => {
  const test = await buildTestApp(t)
  for (const name of ['nobody@example.com', newId(), 'nobody'])
    await t.rejects(issue(test, name), { code: 'user_not_found' })
})

t.test('a refused new password leaves the reset token valid, and its field gets the reason', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const token = await issue(test, ada.email)
  for (const [password, code] of [
    ['short', 'password_too_short'],
    ['\u3000'.repeat(8), 'password_blank'],
    ['password', 'password_too_common'],
    [ada.email, 'password_is_email'],
  ] as const)
    t.match((await reset(test, token, password)).json(), { status: 422, code, errors: [{ field: 'new_password' }] })
  t.equal((await reset(test, token)).statusCode, 200)
})

t.test('a forged reset token is refused without a statement', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const token = await issue(test, ada.email)
  const bytes = Buffer.from(token.slice('lk_pr_'.length), 'base64url')
  const flipped = [...bytes.keys()].map(at => {
    const copy = Buffer.from(bytes)
    copy[at]! ^= 1
    return `lk_pr_${copy.toString('base64url')}`
  })
  const foreign = deriveSecrets({ jwtSecrets: ['x'.repeat(32)], refreshSecrets: ['x'.repeat(32)] })
  const forged = [
    ...flipped,
    writeOneTimeToken(foreign, 'password_reset', newOneTimeToken(ada.userId)),
    `${token}A`,
    token.slice(0, -1),
    token.slice('lk_pr_'.length),
    token.replace('lk_pr_', 'lk_rt_'),
    token.replace('lk_pr_', 'LK_PR_'),
    ada.refreshToken,
    ada.accessToken.slice(0, 200),
    'x',
  ]
  const before = test.stores.db.statementsSent
  for (const attempt of forged) t.equal((await reset(test, attempt)).json().code, 'reset_token_invalid')
  t.equal(test.stores.db.statementsSent, before)
  t.equal((await reset(test, token)).statusCode, 200)
})

t.test('a reset token with a valid tag that was never issued costs no hash', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  await issue(test, ada.email)
  const { secrets } = test.app.context
  const before = test.stores.db.statementsSent
  for (const userId of [ada.userId, newId()]) {
    const token = writeOneTimeToken(secrets, 'password_reset', newOneTimeToken(userId))
    t.equal((await reset(test, token)).json().code, 'reset_token_invalid')
  }
  t.equal(test.stores.db.statementsSent, before + 2, 'one statement each')
})

t.test('the database stores only a hash of a reset token, which cannot be used as one', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const token = await issue(test, ada.email)
  const secret = Buffer.from(token.slice('lk_pr_'.length), 'base64url').subarray(17, 49)
  const [row] = await test.database.admin`select token_hash from password_resets`
  t.same(row!.token_hash, createHash('sha256').update(secret).digest())
  const { secrets } = test.app.context
  const made = writeOneTimeToken(secrets, 'password_reset', { userId: ada.userId, secret: row!.token_hash })
  t.equal((await reset(test, made)).json().code, 'reset_token_invalid')
})

t.test('a reset token stays valid after a change of the secret as long as the old secret is listed', async t => {
  const test = await buildTestApp(t)
  const ada = await signUp(test.app)
  const token = await issue(test, ada.email)
  const { JWT_REFRESH_SECRET: old } = TEST_SECRETS
  const next = 'a refresh secret that came after the other one'
  t.equal((await reset(await test.another({ JWT_REFRESH_SECRET: next }), token)).statusCode, 401)
  t.equal((await reset(await test.another({ JWT_REFRESH_SECRET: `${next},${old}` }), token)).statusCode, 200)
})

t.test('password resets are rate-limited by address', async t => {
  const test = await buildTestApp(t, { RATE_LIMIT: 'on', RATE_LIMIT_PER_ADDRESS: '2' })
  const codes = []
  for (let attempt = 0; attempt < 3; attempt++) codes.push((await reset(test, 'lk_pr_')).json().code)
  t.same(codes, ['reset_token_invalid', 'reset_token_invalid', 'rate_limited'])
})
