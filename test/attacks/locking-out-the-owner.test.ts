import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { findKnownCaller } from '../../src/domain/login/lockout.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { PASSWORD, type Person, post, signUp } from '../support/people.js'

const DEVICE = '__Host-latchkey-device'
const NEW_PASSWORD = 'another good passphrase'
const LIMIT = 3

/** Three failures a minute, so that an attack takes three requests instead of thirty. */
function build(t: Test, env: NodeJS.ProcessEnv = {}): Promise<TestApp> {
  return buildTestApp(t, { RATE_LIMIT: 'on', RATE_LIMIT_FAILURES_PER_ACCOUNT: String(LIMIT), ...env })
}

function signIn(app: FastifyInstance, email: string, cookie?: string, password = PASSWORD) {
  const cookies = cookie === undefined ? {} : { [DEVICE]: cookie }
  return app.inject({ method: 'POST', url: '/auth/login', payload: { email, password }, cookies })
}

/** Signs in from a browser, and returns its device cookie. */
async function knownBrowser(app: FastifyInstance, email: string): Promise<string> {
  return (await signIn(app, email)).cookies.find(({ name }) => name === DEVICE)!.value
}

function changePassword(app: FastifyInstance, accessToken: string | undefined, payload: object) {
  const headers: Record<string, string> = accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` }
  const change = { current_password: PASSWORD, new_password: NEW_PASSWORD, transport: 'body', ...payload }
  return post(app, '/auth/change-password', change, headers)
}

async function statuses(times: number, one: () => Promise<{ statusCode: number }>): Promise<number[]> {
  const seen: number[] = []
  for (let index = 0; index < times; index++) seen.push((await one()).statusCode)
  return seen
}

/** Guesses of an attacker who knows only the e-mail. */
function guess(app: FastifyInstance, { email }: Pick<Person, 'email'>, times: number): Promise<number[]> {
  return statuses(times, () => signIn(app, email, undefined, 'wrong'))
}

const LIMITED = [401, 401, 401, 429]

t.test('an attacker’s guesses do not block the owner in a known browser', async t => {
  const { app } = await build(t)
  const ada = await signUp(app)
  const known = await knownBrowser(app, ada.email)
  t.same(await guess(app, ada, 4), LIMITED)
  t.equal((await signIn(app, ada.email)).statusCode, 429, 'a new browser is limited like the attacker')
  t.equal((await signIn(app, ada.email, known)).statusCode, 200)
})

t.test('with LOCKOUT_FAILURES=0 an attacker’s guesses do not block the owner in a known browser', async t => {
  const { app } = await build(t, { LOCKOUT_FAILURES: '0' })
  const ada = await signUp(app)
  const known = await knownBrowser(app, ada.email)
  t.same(await guess(app, ada, 4), LIMITED)
  t.equal((await signIn(app, ada.email, known)).statusCode, 200)
})

t.test('an attacker’s guesses do not block a live session from changing the password', async t => {
  const { app } = await build(t)
  for (const named of [true, false]) {
    const ada = await signUp(app)
    t.same(await guess(app, ada, 4), LIMITED)
    const changed = await changePassword(app, ada.accessToken, named ? { email: ada.email } : {})
    t.equal(changed.statusCode, 200, named ? 'with an e-mail' : 'without an e-mail')
  }
})

t.test('a stolen device cookie allows no more guesses a minute than any client has', async t => {
  const { app } = await build(t)
  const ada = await signUp(app)
  const [stolen, own] = [await knownBrowser(app, ada.email), await knownBrowser(app, ada.email)]
  t.same(await statuses(4, () => signIn(app, ada.email, stolen, 'wrong')), LIMITED)
  t.equal((await signIn(app, ada.email, stolen)).statusCode, 429, 'the correct password is refused too')
  t.equal((await signIn(app, ada.email, own)).statusCode, 200, 'the owner’s other browser is not affected')
  t.equal((await signIn(app, ada.email)).statusCode, 200, 'a new browser is not affected')
})

t.test('concurrent guesses from one known browser or session cannot exceed its limit', async t => {
  const { app } = await build(t)
  const ada = await signUp(app)
  const stolen = await knownBrowser(app, ada.email)
  const ways = {
    'a browser': () => signIn(app, ada.email, stolen, 'wrong'),
    'a session': () => changePassword(app, ada.accessToken, { current_password: 'wrong' }),
  }
  for (const [name, attempt] of Object.entries(ways)) {
    const answers = await Promise.all(Array.from({ length: 20 }, attempt))
    t.equal(answers.filter(({ statusCode }) => statusCode === 401).length, LIMIT, name)
    t.equal(answers.filter(({ statusCode }) => statusCode === 429).length, 20 - LIMIT, name)
  }
})

t.test('a stolen session has its own limit of guesses and does not limit other sessions or known browsers', async t => {
  const { app } = await build(t)
  const stolen = await signUp(app)
  const browser = await knownBrowser(app, stolen.email)
  const other = (await signIn(app, stolen.email)).json().access_token
  const wrong = () => changePassword(app, stolen.accessToken, { current_password: 'wrong' })
  t.same(await statuses(4, wrong), LIMITED)
  t.equal((await changePassword(app, stolen.accessToken, { email: stolen.email })).statusCode, 429)
  t.equal((await signIn(app, stolen.email, browser)).statusCode, 200)
  t.equal((await changePassword(app, other, {})).statusCode, 200)
})

t.test('forged cookies, revoked tokens and those of other accounts give no extra attempts', async t => {
  const { app } = await build(t)
  const [ada, mallory] = [await signUp(app), await signUp(app)]
  const own = await knownBrowser(app, ada.email)
  const others = await knownBrowser(app, mallory.email)
  const revoked = (await signIn(app, ada.email)).json().access_token
  await post(app, '/auth/logout', {}, { authorization: `Bearer ${revoked}` })
  t.same(await guess(app, ada, 4), LIMITED)

  const forged = own.slice(0, -4) + (own.endsWith('AAAA') ? 'BBBB' : 'AAAA')
  for (const [name, cookie] of Object.entries({ others, forged, empty: '' }))
    t.equal((await signIn(app, ada.email, cookie)).statusCode, 429, `the cookie: ${name}`)
  t.match((await changePassword(app, mallory.accessToken, { email: ada.email })).json(), { code: 'account_mismatch' })
  t.equal(
    findKnownCaller(app.context, ada.userId, { session: { ...mallory, clientId: 'latchkey' } }),
    undefined,
    'another user’s session',
  )
  t.equal(
    findKnownCaller(app.context, undefined, { session: { ...ada, clientId: 'latchkey' }, deviceCookie: own }),
    undefined,
    'an unknown name',
  )
  for (const [name, token] of Object.entries({ revoked, forged: `${ada.accessToken}x`, garbage: 'x', none: undefined }))
    t.equal((await changePassword(app, token, { email: ada.email })).statusCode, 429, `the token: ${name}`)
})

t.test('a live session can change the password of a locked account, which unlocks it', async t => {
  const { app } = await buildTestApp(t, { LOCKOUT_FAILURES: '3' })
  const ada = await signUp(app)
  await guess(app, ada, 4)
  t.equal((await signIn(app, ada.email)).statusCode, 401, 'the account is locked')
  t.equal((await changePassword(app, ada.accessToken, { current_password: 'wrong' })).statusCode, 401)
  t.equal((await changePassword(app, undefined, { email: ada.email })).statusCode, 401, 'without a session')
  t.equal((await changePassword(app, ada.accessToken, {})).statusCode, 200)
  t.equal((await signIn(app, ada.email, undefined, NEW_PASSWORD)).statusCode, 200, 'the account is unlocked')
})

t.test('a stolen session never gets more guesses on a locked account than LOCKOUT_FAILURES', async t => {
  const { app, clock, stores } = await buildTestApp(t, { LOCKOUT_FAILURES: '3' })
  const ada = await signUp(app)
  await guess(app, ada, 3)
  const wrong = () => changePassword(app, ada.accessToken, { current_password: 'wrong' })
  t.same(await statuses(3, wrong), [401, 401, 401])
  t.equal((await changePassword(app, ada.accessToken, {})).statusCode, 401, 'the correct password is refused too')
  await clock.advance(3600)
  t.equal(await stores.db.deviceFailures.removeExpired(10), 0, 'the counter outlives the access token')
  const { access_token } = (await post(app, '/auth/refresh', { refresh_token: ada.refreshToken })).json()
  t.equal((await changePassword(app, access_token, {})).statusCode, 401, 'the next access token is refused too')
})

t.test('guesses of one session on a locked account do not use up those of another session', async t => {
  const { app } = await buildTestApp(t, { LOCKOUT_FAILURES: '3' })
  const ada = await signUp(app)
  const other = (await signIn(app, ada.email)).json().access_token
  await guess(app, ada, 3)
  await statuses(4, () => changePassword(app, ada.accessToken, { current_password: 'wrong' }))
  t.equal((await changePassword(app, other, {})).statusCode, 200)
})

t.test('a session and a browser with the same id share one limit of attempts', async t => {
  const { app, stores } = await buildTestApp(t)
  const { userId, sessionId: id } = await signUp(app)
  const reserve = (maxAgeSeconds: number) =>
    stores.db.deviceFailures.reserveAttempt({ id, userId, limit: 3, maxAgeSeconds })
  const reserved = []
  for (let attempt = 0; attempt < 6; attempt++) reserved.push(await reserve(attempt % 2 === 0 ? 60 : 3600))
  t.same(reserved, [true, true, true, false, false, false])
})

t.test('guesses that lock an account meanwhile refuse neither a known browser nor a live session', async t => {
  const { app } = await buildTestApp(t, { LOCKOUT_FAILURES: '3', HASH_QUEUE: '100' }, { costlyHashes: true })
  const ada = await signUp(app)
  const known = await knownBrowser(app, ada.email)
  const burst = () => Promise.all(Array.from({ length: 10 }, () => signIn(app, ada.email, undefined, 'wrong')))
  const [, byBrowser] = await Promise.all([burst(), signIn(app, ada.email, known), burst()])
  t.equal(byBrowser.statusCode, 200)
  const [, bySession] = await Promise.all([burst(), changePassword(app, ada.accessToken, {}), burst()])
  t.equal(bySession.statusCode, 200)
})

t.test('the failure counter of a session is deleted after SESSION_MAX_AGE', async t => {
  const { app, clock, config, stores } = await buildTestApp(t, { LOCKOUT_FAILURES: '3' })
  const ada = await signUp(app)
  await guess(app, ada, 3)
  await changePassword(app, ada.accessToken, { current_password: 'wrong' })
  const remove = () => stores.db.deviceFailures.removeExpired(10)
  await clock.advance(config.sessionMaxAgeSeconds - 60)
  t.equal(await remove(), 0)
  await clock.advance(120)
  t.equal(await remove(), 1)
})

t.test('correct passwords from a known browser use up no attempts, however often others lock the account', async t => {
  const { app } = await buildTestApp(t, { LOCKOUT_FAILURES: '2', RATE_LIMIT: 'off' })
  const ada = await signUp(app)
  const first = await app.inject({
    method: 'POST',
    url: '/auth/login',
    payload: { email: ada.email, password: PASSWORD },
  })
  const cookie = first.cookies.find(({ name }) => name === '__Host-latchkey-device')!.value
  for (let time = 0; time < 4; time++) {
    for (let guess = 0; guess < 2; guess++) await post(app, '/auth/login', { email: ada.email, password: 'wrong' })
    // With remember: false the browser gets no new device cookie.
    const payload = { email: ada.email, password: PASSWORD, remember: false }
    const cookies = { '__Host-latchkey-device': cookie }
    t.equal((await app.inject({ method: 'POST', url: '/auth/login', payload, cookies })).statusCode, 200)
  }
})
