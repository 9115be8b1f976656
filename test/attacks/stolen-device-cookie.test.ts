import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { buildTestApp, TEST_SECRETS, type TestApp } from '../support/build-test-app.js'
import { PASSWORD, post, signUp } from '../support/people.js'

const DEVICE = '__Host-latchkey-device'
const LIMIT = 3
const NEWER = 'a-newer-secret-of-the-tests-and-of-nothing-else'

async function build(t: Test, env: NodeJS.ProcessEnv = {}): Promise<TestApp> {
  return buildTestApp(t, { LOCKOUT_FAILURES: String(LIMIT), ...env })
}

function logIn(app: FastifyInstance, email: string, cookie?: string, password = PASSWORD) {
  const cookies = cookie === undefined ? {} : { [DEVICE]: cookie }
  return app.inject({ method: 'POST', url: '/auth/login', payload: { email, password }, cookies })
}

/** Signs in from a browser, and returns its device cookie. */
async function remembered(app: FastifyInstance, email: string, cookie?: string): Promise<string> {
  const response = await logIn(app, email, cookie)
  return response.cookies.find(({ name }) => name === DEVICE)!.value
}

async function lock(app: FastifyInstance, email: string): Promise<void> {
  for (let guess = 0; guess < LIMIT; guess++) await post(app, '/auth/login', { email, password: 'wrong' })
}

t.test('a stolen device cookie allows no more guesses on a locked account than LOCKOUT_FAILURES', async t => {
  const { app } = await build(t)
  const ada = await signUp(app)
  const stolen = await remembered(app, ada.email)
  const own = await remembered(app, ada.email)
  await lock(app, ada.email)
  const wrong = []
  for (let guess = 0; guess < LIMIT; guess++) wrong.push((await logIn(app, ada.email, stolen, 'wrong')).statusCode)
  t.same(wrong, [401, 401, 401])
  t.equal((await logIn(app, ada.email, stolen)).statusCode, 401, 'the correct password is refused too')
  t.equal((await logIn(app, ada.email, own)).statusCode, 200, 'the owner’s other browser is not affected')

  await lock(app, ada.email)
  t.equal((await logIn(app, ada.email, stolen)).statusCode, 401, 'the owner’s sign-in gives the thief no new guesses')
})

t.test('concurrent guesses with one device cookie cannot exceed its limit', async t => {
  const { app, stores } = await build(t)
  const ada = await signUp(app)
  const attempt = { id: '01900000-0000-7000-8000-000000000001', userId: ada.userId, limit: LIMIT }
  const reserve = () => stores.db.deviceFailures.reserveAttempt({ ...attempt, maxAgeSeconds: 60 })
  const reserved = await Promise.all(Array.from({ length: 40 }, reserve))
  t.equal(reserved.filter(Boolean).length, LIMIT)
})

t.test('a device cookie without the password does not sign in and is not a credential', async t => {
  const { app } = await build(t)
  const ada = await signUp(app)
  const cookie = await remembered(app, ada.email)
  t.equal((await logIn(app, ada.email, cookie, 'wrong')).statusCode, 401)
  const cookies = { [DEVICE]: cookie }
  t.equal((await app.inject({ method: 'POST', url: '/auth/refresh', cookies })).statusCode, 401)
  t.equal((await app.inject({ url: '/auth/profile', cookies })).statusCode, 401)
  t.equal((await app.inject({ method: 'POST', url: '/auth/logout', cookies })).statusCode, 401)
})

t.test('a forged device cookie, or that of another account, does not unlock an account', async t => {
  const { app, database } = await build(t)
  const [ada, mallory] = [await signUp(app), await signUp(app)]
  const own = await remembered(app, ada.email)
  const others = await remembered(app, mallory.email)
  await lock(app, ada.email)
  const bytes = Buffer.from(own, 'base64url')
  const flipped = (at: number) => {
    const copy = Buffer.from(bytes)
    copy[at]! ^= 1
    return copy.toString('base64url')
  }
  const forgeries = {
    'of another account': others,
    'with another issue time': flipped(5),
    'with another device id': flipped(21),
    'with another tag': flipped(37),
    'with another key id': flipped(1),
    'of another version': flipped(0),
    'cut short': own.slice(0, -1),
    'with padding': `${own}=`,
    'with a trailing bit set': own.slice(0, -1) + String.fromCharCode(own.charCodeAt(own.length - 1) + 1),
    'two cookies combined': others.slice(0, 29) + own.slice(29),
    'the id of the user': ada.userId,
    'after twenty others': [...Array.from({ length: 20 }, () => others), own].join('.'),
    empty: '',
    'only dots': '.'.repeat(1000),
  }
  for (const [name, cookie] of Object.entries(forgeries)) {
    const response = await logIn(app, ada.email, cookie)
    t.equal(response.statusCode, 401, name)
    t.notOk(response.headers['set-cookie'], name)
  }
  const [row] = await database.admin`select count(*)::int from device_failures`
  t.equal(row!.count, 0, 'none of them creates a counter')
  t.equal((await logIn(app, ada.email, own)).statusCode, 200, 'the genuine cookie does')
})

t.test('a sign-in by a page of another site is refused even with a device cookie', async t => {
  const { app } = await build(t)
  const ada = await signUp(app)
  const cookie = await remembered(app, ada.email)
  const response = await app.inject({
    method: 'POST',
    url: '/auth/login',
    payload: { email: ada.email, password: PASSWORD },
    headers: { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    cookies: { [DEVICE]: cookie },
  })
  t.match(response.json(), { status: 403, code: 'cross_site_request' })
  t.notOk(response.headers['set-cookie'])
})

t.test('a second device cookie, planted beside the genuine one, does not hide it', async t => {
  const { app } = await build(t)
  const ada = await signUp(app)
  const own = await remembered(app, ada.email)
  await lock(app, ada.email)
  const credentials = { email: ada.email, password: PASSWORD }
  for (const cookie of [`${DEVICE}=planted; ${DEVICE}=${own}`, `${DEVICE}=${own}; ${DEVICE}=planted`]) {
    t.equal((await post(app, '/auth/login', credentials, { cookie })).statusCode, 200)
    await lock(app, ada.email)
  }
})

t.test('the device cookie is HttpOnly and SameSite=Strict and does not contain the user id', async t => {
  const { app, config } = await build(t)
  const ada = await signUp(app)
  const response = await logIn(app, ada.email)
  const cookie = response.cookies.find(({ name }) => name === DEVICE)!
  t.match(cookie, { httpOnly: true, secure: true, sameSite: 'Strict', path: '/', domain: undefined })
  t.equal(cookie.maxAge, config.lockout.deviceMaxAgeSeconds)
  const bytes = Buffer.from(cookie.value, 'base64url')
  t.notOk(bytes.includes(Buffer.from(ada.userId.replaceAll('-', ''), 'hex')))
  t.not(await remembered(app, ada.email, cookie.value), cookie.value, 'each sign-in makes a new cookie')

  const logout = await app.inject({
    method: 'POST',
    url: '/auth/logout',
    cookies: Object.fromEntries(response.cookies.map(({ name, value }) => [name, value])),
  })
  t.equal(logout.statusCode, 204)
  t.notOk(
    logout.cookies.some(({ name }) => name === DEVICE),
    'signing out keeps the device cookie',
  )
  const inBody = await post(app, '/auth/login', { email: ada.email, password: PASSWORD, transport: 'body' })
  t.notOk(inBody.headers['set-cookie'], 'a client without cookies gets none')
})

t.test('a shared browser is known to the last five accounts that signed in with it', async t => {
  const { app } = await build(t)
  const family = []
  for (let person = 0; person < 6; person++) family.push(await signUp(app))
  let cookie: string | undefined
  for (const { email } of [...family, family[3]!]) cookie = await remembered(app, email, cookie)
  t.equal(cookie!.split('.').length, 5)
  const opened = []
  for (const { email } of family) {
    await lock(app, email)
    opened.push((await logIn(app, email, cookie)).statusCode)
  }
  t.same(opened, [401, 200, 200, 200, 200, 200])
})

t.test('a browser is known for DEVICE_COOKIE_MAX_AGE, even if it keeps the cookie longer', async t => {
  const { app, clock } = await build(t, { DEVICE_COOKIE_MAX_AGE: '30d' })
  const ada = await signUp(app)
  const [first, second] = [await remembered(app, ada.email), await remembered(app, ada.email)]
  await lock(app, ada.email)
  await clock.advance(30 * 24 * 60 * 60 - 60)
  t.equal((await logIn(app, ada.email, first)).statusCode, 200)
  await lock(app, ada.email)
  await clock.advance(120)
  t.equal((await logIn(app, ada.email, second)).statusCode, 401)
})

t.test('browsers stay known when JWT_REFRESH_SECRET changes, until the old secret is removed', async t => {
  const test = await build(t)
  const ada = await signUp(test.app)
  const old = await remembered(test.app, ada.email)
  const both = await test.another({ JWT_REFRESH_SECRET: `${NEWER},${TEST_SECRETS.JWT_REFRESH_SECRET}` })
  await lock(both.app, ada.email)
  const renewed = await remembered(both.app, ada.email, old)
  const newOnly = await test.another({ JWT_REFRESH_SECRET: NEWER })
  await lock(newOnly.app, ada.email)
  t.equal((await logIn(newOnly.app, ada.email, old)).statusCode, 401)
  t.equal((await logIn(newOnly.app, ada.email, renewed)).statusCode, 200)
})
