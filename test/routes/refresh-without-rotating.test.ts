import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { Device, FIREFOX } from '../support/device.js'
import { PASSWORD, post, signUp } from '../support/people.js'

const WITHOUT = { rotate: false }

async function signedIn(t: Test, overrides: NodeJS.ProcessEnv = {}) {
  const test = await buildTestApp(t, overrides)
  const browser = new Device(test.app, FIREFOX)
  await browser.post('/auth/register', { email: 'reader@example.com', password: PASSWORD })
  return { ...test, browser }
}

/** The cookies of a browser in a request that its server sends: without Origin and Sec-Fetch-Site. */
function fromServer({ cookies, app }: Device, payload: object = WITHOUT, headers: Record<string, string> = {}) {
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  return app.inject({ method: 'POST', url: '/auth/refresh', payload, headers: { cookie, ...headers } })
}

t.test('the cookies of a browser give a server an access token, and no cookie', async t => {
  const { browser, clock } = await signedIn(t, { ACCESS_COOKIE: 'on' })
  await clock.advance(1000)
  const answer = await fromServer(browser)
  t.equal(answer.statusCode, 200)
  t.notOk(answer.headers['set-cookie'])
  t.strictSame(Object.keys(answer.json()).sort(), ['access_token', 'expires_in', 'session_id', 'token_type', 'user'])
  t.match(decodeJwt(answer.json().access_token), { gen: 0, sid: browser.sessionId })
  t.equal((await browser.refresh()).statusCode, 200)
})

t.test('no answer to such a request sets or clears a cookie, also after the session has ended', async t => {
  const { browser, clock } = await signedIn(t, { ACCESS_COOKIE: 'on' })
  const old = browser.copy()
  for (let rotation = 0; rotation < 2; rotation++) {
    await clock.advance(100)
    await browser.refresh()
  }
  const superseded = await fromServer(old)
  t.match(superseded.json(), { code: 'refresh_token_superseded', ticket: undefined })
  t.notOk(superseded.headers['set-cookie'], 'no ticket')
  await browser.copy().post('/auth/logout')
  const over = await fromServer(browser)
  t.match(over.json(), { status: 401, code: 'session_revoked' })
  t.notOk(over.headers['set-cookie'])
  const forged = new Device(browser.app, FIREFOX)
  forged.cookies.set('__Host-latchkey', `${browser.cookies.get('__Host-latchkey')!.slice(0, -4)}AAAA`)
  t.match((await fromServer(forged)).json(), { code: 'refresh_token_invalid' })
  t.notOk((await fromServer(forged)).headers['set-cookie'])
  t.ok((await browser.refresh()).headers['set-cookie'], 'a refresh of the browser clears them')
})

t.test('a ticket in the cookies has no effect, and stays in the browser', async t => {
  const { browser, clock } = await signedIn(t)
  const thief = browser.copy()
  await thief.refresh()
  await clock.advance(70)
  await thief.verified()
  t.match((await browser.refresh()).json(), { code: 'refresh_token_superseded' })
  t.ok(browser.cookies.has('__Host-latchkey-ticket'))
  for (let request = 0; request < 20; request++)
    t.match((await fromServer(browser)).json(), { code: 'refresh_token_superseded' })
  t.equal(await thief.verified(), 200, 'a server that repeats a request ends nothing')
  t.match((await browser.refresh()).json(), { code: 'refresh_token_reused' })
  t.equal(await thief.verified(), 'token_revoked', 'the browser itself ends the session of the thief')
})

t.test('of several cookies the one of the newest token is used', async t => {
  const { browser, clock } = await signedIn(t)
  const old = browser.copy()
  await clock.advance(100)
  await browser.refresh()
  await clock.advance(100)
  await browser.refresh()
  for (const [name, value] of old.cookies) if (!browser.cookies.has(name)) browser.cookies.set(name, value)
  browser.cookies.set('__Host-latchkey', old.cookies.get('__Host-latchkey')!)
  t.match(decodeJwt((await fromServer(browser)).json().access_token), { gen: 2 })
})

t.test('a page of another site cannot use it, and a page of this site can', async t => {
  const { browser } = await signedIn(t)
  const foreign: Record<string, string>[] = [
    { origin: 'https://evil.example' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ]
  for (const headers of foreign)
    t.equal((await fromServer(browser, WITHOUT, headers)).json().code, 'cross_site_request')
  t.equal((await fromServer(browser, WITHOUT, { 'sec-fetch-site': 'same-origin' })).statusCode, 200)
})

t.test('the token can be in the body, under both names, and not in a cookie at the same time', async t => {
  const { app, browser } = await signedIn(t)
  const ada = await signUp(app)
  for (const name of ['refresh_token', 'refreshToken']) {
    const answer = await post(app, '/auth/refresh', { [name]: ada.refreshToken, rotate: false })
    t.equal(answer.json().session_id, ada.sessionId)
    t.notOk(answer.json().refresh_token)
  }
  const both = await fromServer(browser, { refresh_token: ada.refreshToken, rotate: false })
  t.match(both.json(), { status: 400, code: 'ambiguous_credentials' })
  t.match((await post(app, '/auth/refresh', WITHOUT)).json(), { status: 401, code: 'refresh_token_missing' })
})

t.test('requests without rotating have the limit of refreshes, for each session separately', async t => {
  const { browser, app } = await signedIn(t, { RATE_LIMIT: 'on', RATE_LIMIT_PER_ADDRESS: '10' })
  for (let request = 0; request < 9; request++) t.equal((await fromServer(browser)).statusCode, 200)
  t.equal((await browser.refresh()).statusCode, 200)
  t.match((await fromServer(browser)).json(), { status: 429, code: 'rate_limited' })
  const other = new Device(app, FIREFOX)
  await other.post('/auth/register', { email: 'other@example.com', password: PASSWORD })
  t.equal((await fromServer(other)).statusCode, 200)
})

t.test('a session of Simple JWT gets an access token in the form of Simple JWT', async t => {
  const { app } = await signedIn(t)
  const ada = await signUp(app)
  const pair = await post(app, '/api/token/', { email: ada.email, password: PASSWORD })
  const answer = await post(app, '/auth/refresh', { refresh_token: pair.json().refresh, rotate: false })
  t.match(decodeJwt(answer.json().access_token), { token_type: 'access', user_id: ada.userId })
})
