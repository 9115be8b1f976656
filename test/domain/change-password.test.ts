import t from 'tap'
import { disableUser } from '../../src/domain/accounts/administer-users.js'
import { buildTestApp } from '../support/build-test-app.js'
import { PASSWORD, post, refresh, signIn, signUp, verify } from '../support/people.js'

const NEW = 'another passphrase altogether'
const passwords = { current_password: PASSWORD, new_password: NEW, transport: 'body' }
const bearer = (accessToken: string) => ({ authorization: `Bearer ${accessToken}` })

t.test('a signed-in user changes the password without giving an e-mail', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const phone = await signIn(app, ada.email)
  const changed = await post(app, '/auth/change-password', passwords, bearer(ada.accessToken))
  t.equal(changed.statusCode, 200)
  t.equal(changed.headers['cache-control'], 'no-store')
  t.match(changed.json(), { user: { id: ada.userId }, refresh_token: /^lk_rt_/ })
  t.not(changed.json().session_id, ada.sessionId)

  for (const { accessToken, refreshToken } of [ada, phone]) {
    t.equal(await verify(app, accessToken), 'token_revoked')
    t.equal((await refresh(app, refreshToken)).json().code, 'session_revoked')
  }
  t.equal(await verify(app, changed.json().access_token), 200)
  t.equal((await post(app, '/auth/login', { email: ada.email, password: NEW })).statusCode, 200)
})

t.test('a signed-in user needs the current password to change it, and wrong ones count as failures', async t => {
  const { app } = await buildTestApp(t, { RATE_LIMIT: 'on', RATE_LIMIT_FAILURES_PER_ACCOUNT: '2' })
  const ada = await signUp(app)
  const guess = (url: string, payload: object, headers = {}) => post(app, url, payload, headers)
  const change = { ...passwords, current_password: 'a guess' }
  t.equal((await guess('/auth/change-password', change, bearer(ada.accessToken))).json().code, 'invalid_credentials')
  const signIn = () => guess('/auth/login', { email: ada.email, password: 'a guess' })
  t.same([(await signIn()).statusCode, (await signIn()).statusCode, (await signIn()).statusCode], [401, 401, 429])
  t.equal((await guess('/auth/change-password', change, bearer(ada.accessToken))).json().code, 'invalid_credentials')
  t.equal((await guess('/auth/change-password', change, bearer(ada.accessToken))).json().code, 'rate_limited')
  t.equal(await verify(app, ada.accessToken), 200, 'the session is still valid')
})

t.test('a password change for another e-mail than the token’s is refused before the password is tried', async t => {
  const { app } = await buildTestApp(t)
  const [ada, bob] = [await signUp(app), await signUp(app)]
  for (const email of [bob.email, 'nobody@example.com', 'no address']) {
    const answer = await post(app, '/auth/change-password', { ...passwords, email }, bearer(ada.accessToken))
    t.match(answer.json(), { status: 400, code: 'account_mismatch' })
  }
  const spelled = { ...passwords, email: ada.email.toUpperCase() }
  t.equal((await post(app, '/auth/change-password', spelled, bearer(ada.accessToken))).statusCode, 200)
  t.equal((await post(app, '/auth/login', { email: bob.email, password: PASSWORD })).statusCode, 200)
})

t.test('a password change without an e-mail and a token is refused with a hint at the e-mail', async t => {
  const { app } = await buildTestApp(t)
  const answer = await post(app, '/auth/change-password', passwords)
  t.match(answer.json(), { status: 401, code: 'authentication_required', detail: /email/ })
})

t.test('a password change without an e-mail needs a live token; with one an invalid token is ignored', async t => {
  const { app, clock } = await buildTestApp(t)
  const ada = await signUp(app)
  await clock.advance(16 * 60)
  const stale = bearer(ada.accessToken)
  t.equal((await post(app, '/auth/change-password', passwords, stale)).json().code, 'token_expired')
  t.equal((await post(app, '/auth/change-password', passwords, bearer('x'))).json().code, 'token_invalid')
  const basic = { authorization: 'Basic YTpi' }
  t.equal((await post(app, '/auth/change-password', passwords, basic)).json().code, 'token_invalid')
  const named = { ...passwords, email: ada.email }
  t.equal((await post(app, '/auth/change-password', named, stale)).statusCode, 200)
  const again = { ...named, current_password: NEW, new_password: PASSWORD }
  t.equal((await post(app, '/auth/change-password', again, basic)).statusCode, 200)
})

t.test('an access token of a disabled account cannot change the password', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  await disableUser(app.context, ada.userId, 'test')
  const answer = await post(app, '/auth/change-password', passwords, bearer(ada.accessToken))
  t.equal(answer.json().code, 'token_revoked')
})

t.test('a refused new password is answered with its form field and the reason', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const reasons = {
    password: 'password_too_common',
    short: 'password_too_short',
    '        ': 'password_blank',
    [ada.email]: 'password_is_email',
    [PASSWORD]: 'password_unchanged',
  }
  for (const [new_password, code] of Object.entries(reasons)) {
    const answer = await post(app, '/auth/change-password', { ...passwords, new_password }, bearer(ada.accessToken))
    const errors = [{ field: 'new_password', message: /^(must|is) / }]
    t.match(answer.json(), { status: 422, code, detail: /^[A-Z].*\.$/, errors })
  }
  for (const [password, code] of [
    ['password', 'password_too_common'],
    ['        ', 'password_blank'],
  ]) {
    const registration = await post(app, '/auth/register', { email: 'bob@example.com', password })
    t.match(registration.json(), { status: 422, code, errors: [{ field: 'password' }] })
  }
})

t.test('an imported hash is upgraded at the first sign-in or password change', async t => {
  const { app, database } = await buildTestApp(t, {}, { costlyHashes: true })
  const hashes = [
    '$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2',
    'pbkdf2_sha256$1000$seasalt123$KuEnssc6S4MzVSS8Tu48m1RDSrTAn7j3CfgvvjkvfWA=',
    '$scrypt$ln=10,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$DziP56S9mNo83V5kqIqm64EcFs9kJdqy4EIRxcZbyMY',
  ]
  for (const hash of hashes) {
    const { email, userId } = await signUp(app)
    await database.admin`update users set password_hash = ${hash} where id = ${userId}`
    const login = () => post(app, '/auth/login', { email, password: 'correct horse' })
    t.equal((await post(app, '/auth/login', { email, password: PASSWORD })).statusCode, 401)
    t.equal((await login()).statusCode, 200)
    const [user] = await database.admin`select password_hash from users where id = ${userId}`
    t.match(user!.password_hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    t.equal((await login()).statusCode, 200)

    await database.admin`update users set password_hash = ${hash}, must_change_password = true where id = ${userId}`
    t.equal((await login()).json().code, 'password_change_required')
    const change = { ...passwords, email, current_password: 'correct horse' }
    t.equal((await post(app, '/auth/change-password', change)).statusCode, 200)
  }
})
