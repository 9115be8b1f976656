import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { disableUser, enableUser } from '../../src/domain/accounts/administer-users.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { PASSWORD, post, refresh, signUp, verify } from '../support/people.js'

const DEVICE = '__Host-latchkey-device'
const DAY = 24 * 60 * 60

/** A browser: it keeps its device cookie from one sign-in to the next. */
function browser(app: FastifyInstance, cookie?: string) {
  const self = {
    cookie,
    async signIn(email: string, password = PASSWORD): Promise<LightMyRequestResponse> {
      const cookies = self.cookie === undefined ? {} : { [DEVICE]: self.cookie }
      const response = await app.inject({ method: 'POST', url: '/auth/login', payload: { email, password }, cookies })
      self.cookie = deviceCookieOf(response) ?? self.cookie
      return response
    },
    /** Sends this many wrong guesses, and returns their statuses. */
    async guess(email: string, times: number): Promise<number[]> {
      const statuses: number[] = []
      for (let guess = 0; guess < times; guess++) statuses.push((await self.signIn(email, `wrong ${guess}`)).statusCode)
      return statuses
    },
  }
  return self
}

function deviceCookieOf(response: LightMyRequestResponse): string | undefined {
  return response.cookies.find(({ name }) => name === DEVICE)?.value
}

async function failuresOf({ database }: TestApp, email: string): Promise<number> {
  const [row] = await database.admin`select failed_logins from users where email = ${email}`
  return row!.failed_logins
}

/** Waits for events, because they are written in the background. */
async function eventsOf({ stores }: TestApp, userId: string, type: string, atLeast: number) {
  for (let patience = 0; ; patience++) {
    const events = (await stores.db.securityEvents.of(userId, { limit: 1000 })).filter(event => event.type === type)
    if (events.length >= atLeast || patience === 100) return events
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

t.test('after a hundred wrong passwords in a row even the correct password is refused', async t => {
  const test = await buildTestApp(t)
  const { app } = test
  const ada = await signUp(app)
  const known = browser(app)
  await known.signIn(ada.email)
  const stranger = browser(app)
  await stranger.guess(ada.email, 99)
  t.equal((await stranger.signIn(ada.email)).statusCode, 200, 'ninety-nine failures do not lock it')
  t.equal(await failuresOf(test, ada.email), 0)

  const attacker = browser(app)
  await attacker.guess(ada.email, 100)
  t.match((await attacker.signIn(ada.email)).json(), { status: 401, code: 'invalid_credentials' })
  await t.test('a locked account keeps its live sessions', async t => {
    t.equal(await verify(app, ada.accessToken), 200)
    t.equal((await refresh(app, ada.refreshToken)).statusCode, 200)
  })
  t.equal((await known.signIn(ada.email)).statusCode, 200, 'a known browser signs in and unlocks the account')
  t.equal((await attacker.signIn(ada.email)).statusCode, 200, 'any browser can sign in again')
})

t.test('a locked account gets the same response as a wrong password, headers included', async t => {
  const { app, stores } = await buildTestApp(t, { LOCKOUT_FAILURES: '3' })
  const [open, locked] = [await signUp(app), await signUp(app)]
  await browser(app).guess(locked.email, 3)
  const answerTo = async (email: string, password: string, transport: string) => {
    const before = stores.db.statementsSent
    const { statusCode, headers, body } = await post(app, '/auth/login', { email, password, transport })
    const { date, 'x-request-id': id, ...others } = headers
    return {
      statusCode,
      headers: others,
      body: body.replace(String(id), 'its id'),
      statements: stores.db.statementsSent - before,
    }
  }
  for (const transport of ['cookie', 'body']) {
    const expected = await answerTo('nobody@example.com', 'wrong', transport)
    t.match(expected, { statusCode: 401, body: 'invalid_credentials' })
    t.strictSame(await answerTo(locked.email, PASSWORD, transport), expected, 'the right password')
    t.strictSame(await answerTo(locked.email, 'wrong', transport), expected, 'a wrong one')
  }
  t.strictSame(await answerTo(open.email, 'wrong', 'body'), await answerTo(locked.email, PASSWORD, 'body'))
})

t.test('concurrent guesses cannot exceed the failure limit of an account', async t => {
  const test = await buildTestApp(t, { LOCKOUT_FAILURES: '5', HASH_QUEUE: '100' }, { costlyHashes: true })
  const { app } = test
  const other = await test.another()
  const ada = await signUp(app)
  const atOnce = (password: string) =>
    Promise.all(
      Array.from({ length: 20 }, (_, guess) =>
        post(guess % 2 === 0 ? app : other.app, '/auth/login', { email: ada.email, password }),
      ),
    )
  t.ok((await atOnce('wrong')).every(({ statusCode }) => statusCode === 401))
  t.equal(await failuresOf(test, ada.email), 5, 'the counter stops at the limit')
  t.ok((await atOnce(PASSWORD)).every(({ statusCode }) => statusCode === 401))
  t.equal(await failuresOf(test, ada.email), 5)
})

t.test('of a hundred concurrent attempts only as many as the limit are counted, each with its own number', async t => {
  const test = await buildTestApp(t, { LOCKOUT_FAILURES: '5', HASH_QUEUE: '200' }, { costlyHashes: true })
  const ada = await signUp(test.app)
  const attempts = await Promise.all(
    Array.from({ length: 100 }, () => test.stores.db.users.reserveAttempt(ada.userId, 5)),
  )
  t.same(attempts.filter(count => count !== undefined).sort(), [1, 2, 3, 4, 5], 'each number is given to one attempt')
})

t.test('attempts refused as busy do not count towards the lockout', async t => {
  const test = await buildTestApp(
    t,
    { LOCKOUT_FAILURES: '50', HASH_CONCURRENCY: '1', HASH_QUEUE: '0' },
    { costlyHashes: true },
  )
  const ada = await signUp(test.app)
  const answers = await Promise.all(Array.from({ length: 40 }, () => post(test.app, '/auth/login', wrongOf(ada.email))))
  const failed = answers.filter(({ statusCode }) => statusCode === 401).length
  t.ok(answers.some(({ statusCode }) => statusCode === 503))
  t.equal(await failuresOf(test, ada.email), failed, 'only attempts that were hashed are counted')
})

t.test('a locked account gets one account_locked event, however many attempts follow', async t => {
  const test = await buildTestApp(t, { LOCKOUT_FAILURES: '3', HASH_QUEUE: '100' }, { costlyHashes: true })
  const { app } = test
  const ada = await signUp(app)
  await Promise.all(Array.from({ length: 20 }, () => post(app, '/auth/login', wrongOf(ada.email))))
  const refused = await eventsOf(test, ada.userId, 'sign_in_failed', 20)
  t.equal(refused.length, 20)
  t.equal(refused.filter(({ details }) => details?.locked === true).length, 17, 'attempts after the lock are marked')
  const [event, ...more] = await eventsOf(test, ada.userId, 'account_locked', 1)
  t.match(event, { actor: 'system', details: { failures: 3 } })
  t.equal(more.length, 0)
})

t.test('an administrator can unlock an account; a disabled one stays disabled for a known browser', async t => {
  const { app } = await buildTestApp(t, { LOCKOUT_FAILURES: '3' })
  const ada = await signUp(app)
  const known = browser(app)
  await known.signIn(ada.email)
  await browser(app).guess(ada.email, 3)
  await known.guess(ada.email, 3)
  t.equal((await known.signIn(ada.email)).statusCode, 401, 'the known browser has used up its own attempts')
  await enableUser(app.context, ada.email, 'test')
  t.equal((await browser(app).signIn(ada.email)).statusCode, 200)

  await browser(app).guess(ada.email, 3)
  t.equal((await known.signIn(ada.email)).statusCode, 200, 'the counter of the known browser was reset too')
  await disableUser(app.context, ada.email, 'test')
  t.equal((await known.signIn(ada.email)).statusCode, 401)
})

t.test('with LOCKOUT_FAILURES=0 no account is locked and no device cookie is set', async t => {
  const test = await buildTestApp(t, { LOCKOUT_FAILURES: '0' })
  const ada = await signUp(test.app)
  await browser(test.app).guess(ada.email, 5)
  t.equal(await failuresOf(test, ada.email), 0)
  const response = await browser(test.app).signIn(ada.email)
  t.equal(response.statusCode, 200)
  t.equal(deviceCookieOf(response), undefined)
})

t.test('password changes count towards the lockout, and make the browser known as a sign-in does', async t => {
  const { app } = await buildTestApp(t, { LOCKOUT_FAILURES: '3' })
  const ada = await signUp(app)
  const change = (current_password: string, cookies: Record<string, string> = {}) =>
    app.inject({
      method: 'POST',
      url: '/auth/change-password',
      payload: { email: ada.email, current_password, new_password: 'another good passphrase' },
      cookies,
    })
  const known = browser(app)
  await known.signIn(ada.email)
  for (let guess = 0; guess < 3; guess++) t.equal((await change('wrong')).statusCode, 401)
  t.equal((await change(PASSWORD)).statusCode, 401)
  const changed = await change(PASSWORD, { [DEVICE]: known.cookie! })
  t.equal(changed.statusCode, 200)
  await browser(app).guess(ada.email, 3)
  const again = await browser(app, deviceCookieOf(changed)).signIn(ada.email, 'another good passphrase')
  t.equal(again.statusCode, 200)
})

t.test('the failure counter of a browser is deleted once the browser is no longer known', async t => {
  const test = await buildTestApp(t, { LOCKOUT_FAILURES: '2', DEVICE_COOKIE_MAX_AGE: '30d' })
  const ada = await signUp(test.app)
  const known = browser(test.app)
  await known.signIn(ada.email)
  await known.guess(ada.email, 3)
  const remove = () => test.stores.db.deviceFailures.removeExpired(10)
  await test.clock.advance(29 * DAY)
  t.equal(await remove(), 0)
  await test.clock.advance(2 * DAY)
  t.equal(await remove(), 1)
})

const wrongOf = (email: string) => ({ email, password: 'wrong' })
