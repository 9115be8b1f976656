import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { knownCaller } from '../../src/auth/known-caller.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { PASSWORD, type Person, post, signUp } from '../support/people.js'

const DEVICE = '__Host-latchkey-device'
const NEW_PASSWORD = 'another good passphrase'
const LIMIT = 3

/** Three failures a minute, so that what an attacker does with thirty requests takes three. */
function build(t: Test, env: NodeJS.ProcessEnv = {}): Promise<TestApp> {
  return buildTestApp(t, { RATE_LIMIT: 'on', RATE_LIMIT_FAILURES_PER_ACCOUNT: String(LIMIT), ...env })
}

function signIn(app: FastifyInstance, email: string, cookie?: string, password = PASSWORD) {
  const cookies = cookie === undefined ? {} : { [DEVICE]: cookie }
  return app.inject({ method: 'POST', url: '/auth/login', payload: { email, password }, cookies })
}

/** Signs in from a browser, and returns what it keeps. */
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

/** An outsider who knows the address and nothing else. */
function guess(app: FastifyInstance, { email }: Pick<Person, 'email'>, times: number): Promise<number[]> {
  return statuses(times, () => signIn(app, email, undefined, 'wrong'))
}

const LIMITED = [401, 401, 401, 429]

t.test('guesses of outsiders do not keep the owner out of a browser that she used before', async t => {
  const { app } = await build(t)
  const ada = await signUp(app)
  const known = await knownBrowser(app, ada.email)
  t.same(await guess(app, ada, 4), LIMITED)
  t.equal((await signIn(app, ada.email)).statusCode, 429, 'a new browser waits as they do')
  t.equal((await signIn(app, ada.email, known)).statusCode, 200)
})

t.test('nor out of a browser where no account is ever locked', async t => {
  const { app } = await build(t, { LOCKOUT_FAILURES: '0' })
  const ada = await signUp(app)
  const known = await knownBrowser(app, ada.email)
  t.same(await guess(app, ada, 4), LIMITED)
  t.equal((await signIn(app, ada.email, known)).statusCode, 200)
})

t.test('nor keep her live session from changing the password', async t => {
  const { app } = await build(t)
  for (const named of [true, false]) {
    const ada = await signUp(app)
    t.same(await guess(app, ada, 4), LIMITED)
    const changed = await changePassword(app, ada.accessToken, named ? { email: ada.email } : {})
    t.equal(changed.statusCode, 200, named ? 'that names the account' : 'that names no account')
  }
})

t.test('a stolen device cookie is worth as many guesses a minute as everybody has, and no more', async t => {
  const { app } = await build(t)
  const ada = await signUp(app)
  const [stolen, own] = [await knownBrowser(app, ada.email), await knownBrowser(app, ada.email)]
  t.same(await statuses(4, () => signIn(app, ada.email, stolen, 'wrong')), LIMITED)
  t.equal((await signIn(app, ada.email, stolen)).statusCode, 429, 'then the right password is not tried either')
  t.equal((await signIn(app, ada.email, own)).statusCode, 200, 'her other browser is not held back by that')
  t.equal((await signIn(app, ada.email)).statusCode, 200, 'nor is a new one')
})

t.test('guesses at the same time, from a browser or a session, do not slip past its count together', async t => {
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

t.test(
  'a stolen session guesses no faster than everybody, and holds back neither the others nor the browser',
  async t => {
    const { app } = await build(t)
    const stolen = await signUp(app)
    const browser = await knownBrowser(app, stolen.email)
    const other = (await signIn(app, stolen.email)).json().access_token
    const wrong = () => changePassword(app, stolen.accessToken, { current_password: 'wrong' })
    t.same(await statuses(4, wrong), LIMITED)
    t.equal((await changePassword(app, stolen.accessToken, { email: stolen.email })).statusCode, 429)
    t.equal((await signIn(app, stolen.email, browser)).statusCode, 200)
    t.equal((await changePassword(app, other, {})).statusCode, 200)
  },
)

t.test("what proves nothing about this account buys no attempts: others' cookies, others' and dead tokens", async t => {
  const { app } = await build(t)
  const [ada, mallory] = [await signUp(app), await signUp(app)]
  const own = await knownBrowser(app, ada.email)
  const others = await knownBrowser(app, mallory.email)
  const dead = (await signIn(app, ada.email)).json().access_token
  await post(app, '/auth/logout', {}, { authorization: `Bearer ${dead}` })
  t.same(await guess(app, ada, 4), LIMITED)

  const forged = own.slice(0, -4) + (own.endsWith('AAAA') ? 'BBBB' : 'AAAA')
  for (const [name, cookie] of Object.entries({ others, forged, empty: '' }))
    t.equal((await signIn(app, ada.email, cookie)).statusCode, 429, `the cookie: ${name}`)
  t.match((await changePassword(app, mallory.accessToken, { email: ada.email })).json(), { code: 'account_mismatch' })
  t.equal(
    knownCaller(app.context, ada.userId, { session: { ...mallory, clientId: 'latchkey' } }),
    undefined,
    "another's session",
  )
  t.equal(
    knownCaller(app.context, undefined, { session: { ...ada, clientId: 'latchkey' }, deviceCookie: own }),
    undefined,
    'a name of nobody',
  )
  for (const [name, token] of Object.entries({ dead, forged: `${ada.accessToken}x`, garbage: 'x', none: undefined }))
    t.equal((await changePassword(app, token, { email: ada.email })).statusCode, 429, `the token: ${name}`)
})

t.test('a locked account does not refuse a change of password by a live session unseen', async t => {
  const { app } = await buildTestApp(t, { LOCKOUT_FAILURES: '3' })
  const ada = await signUp(app)
  await guess(app, ada, 4)
  t.equal((await signIn(app, ada.email)).statusCode, 401, 'it is locked')
  t.equal((await changePassword(app, ada.accessToken, { current_password: 'wrong' })).statusCode, 401)
  t.equal((await changePassword(app, undefined, { email: ada.email })).statusCode, 401, 'to outsiders')
  t.equal((await changePassword(app, ada.accessToken, {})).statusCode, 200)
  t.equal((await signIn(app, ada.email, undefined, NEW_PASSWORD)).statusCode, 200, 'and that opens it')
})

t.test('a stolen session is worth as many guesses on a locked account as the account itself, for ever', async t => {
  const { app, clock, stores } = await buildTestApp(t, { LOCKOUT_FAILURES: '3' })
  const ada = await signUp(app)
  await guess(app, ada, 3)
  const wrong = () => changePassword(app, ada.accessToken, { current_password: 'wrong' })
  t.same(await statuses(3, wrong), [401, 401, 401])
  t.equal((await changePassword(app, ada.accessToken, {})).statusCode, 401, 'then not even the right one counts')
  await clock.advance(3600)
  t.equal(await stores.db.deviceFailures.removeExpired(10), 0, 'its count outlives its tokens')
  const { access_token } = (await post(app, '/auth/refresh', { refresh_token: ada.refreshToken })).json()
  t.equal((await changePassword(app, access_token, {})).statusCode, 401, 'nor with its next token')
})

t.test("one session's guesses on a locked account take nothing from another's", async t => {
  const { app } = await buildTestApp(t, { LOCKOUT_FAILURES: '3' })
  const ada = await signUp(app)
  const other = (await signIn(app, ada.email)).json().access_token
  await guess(app, ada, 3)
  await statuses(4, () => changePassword(app, ada.accessToken, { current_password: 'wrong' }))
  t.equal((await changePassword(app, other, {})).statusCode, 200)
})

t.test('were a session and a browser ever to have one id, neither would get attempts from the other', async t => {
  const { app, stores } = await buildTestApp(t)
  const { userId, sessionId: id } = await signUp(app)
  const reserve = (maxAgeSeconds: number) =>
    stores.db.deviceFailures.reserveAttempt({ id, userId, limit: 3, maxAgeSeconds })
  const reserved = []
  for (let attempt = 0; attempt < 6; attempt++) reserved.push(await reserve(attempt % 2 === 0 ? 60 : 3600))
  t.same(reserved, [true, true, true, false, false, false])
})

t.test('a burst that locks the account meanwhile refuses neither the browser nor the session', async t => {
  const { app } = await buildTestApp(t, { LOCKOUT_FAILURES: '3', HASH_QUEUE: '100' })
  const ada = await signUp(app)
  const known = await knownBrowser(app, ada.email)
  const burst = () => Promise.all(Array.from({ length: 10 }, () => signIn(app, ada.email, undefined, 'wrong')))
  const [, byBrowser] = await Promise.all([burst(), signIn(app, ada.email, known), burst()])
  t.equal(byBrowser.statusCode, 200)
  const [, bySession] = await Promise.all([burst(), changePassword(app, ada.accessToken, {}), burst()])
  t.equal(bySession.statusCode, 200)
})

t.test("the counts of sessions go when the sessions' time is over", async t => {
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

t.test('right passwords from a known browser use nothing up, however often others lock the account', async t => {
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
    // A browser that is to forget is given no new entry.
    const payload = { email: ada.email, password: PASSWORD, remember: false }
    const cookies = { '__Host-latchkey-device': cookie }
    t.equal((await app.inject({ method: 'POST', url: '/auth/login', payload, cookies })).statusCode, 200)
  }
})
