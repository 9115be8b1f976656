import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { Device, FIREFOX } from '../support/device.js'
import { PASSWORD } from '../support/people.js'

const EMAIL = 'tabs@example.com'

async function signedIn(t: Parameters<typeof buildTestApp>[0]) {
  const test = await buildTestApp(t)
  const browser = new Device(test.app, FIREFOX)
  await browser.post('/auth/register', { email: EMAIL, password: PASSWORD })
  await test.clock.advance(600)
  return { ...test, browser }
}

/** A refresh that is sent now and arrives when the returned function is called. The browser stores its cookies. */
function stalled(browser: Device): () => Promise<{ code: string | undefined; status: number }> {
  const sent = browser.copy()
  return async () => {
    const answer = await sent.refresh()
    for (const { name, value, maxAge } of answer.cookies) {
      if (value === '' || maxAge === 0) browser.cookies.delete(name)
      else browser.cookies.set(name, value)
    }
    return { status: answer.statusCode, code: answer.json().code }
  }
}

t.test('a refresh that hung on the network while another tab refreshed ends nothing', async t => {
  const { browser, clock } = await signedIn(t)
  const arrives = stalled(browser)
  t.equal((await browser.refresh()).statusCode, 200)
  await clock.advance(66)
  t.equal(await browser.verified(), 200)
  await clock.advance(3)
  t.match(await arrives(), { status: 401, code: 'refresh_token_superseded' })
  t.equal(await browser.verified(), 200)
  t.equal((await browser.refresh()).statusCode, 200)
  t.notOk(browser.cookies.has('__Host-latchkey-ticket'), 'the newer token cleared the ticket')
})

t.test('a refresh that hung for ten rotations ends nothing', async t => {
  const { browser, clock } = await signedIn(t)
  const arrives = stalled(browser)
  for (let rotation = 0; rotation < 10; rotation++) {
    t.equal((await browser.refresh()).statusCode, 200)
    await clock.advance(61)
    t.equal(await browser.verified(), 200)
  }
  t.match(await arrives(), { code: 'refresh_token_superseded' })
  t.equal((await browser.refresh()).statusCode, 200)
})

t.test('ten refreshes that hung and arrive one by one, between other refreshes, end nothing', async t => {
  const { browser, clock } = await signedIn(t)
  const hanging = Array.from({ length: 10 }, () => stalled(browser))
  t.equal((await browser.refresh()).statusCode, 200)
  await clock.advance(66)
  await browser.verified()
  for (const [index, arrives] of hanging.entries()) {
    t.match(await arrives(), { code: 'refresh_token_superseded' })
    await clock.advance(20)
    if (index % 3 === 2) t.equal((await browser.refresh()).statusCode, 200)
  }
  t.equal((await browser.refresh()).statusCode, 200)
})

t.test('a response that arrives many rotations late replaces no newer refresh token', async t => {
  const { browser, clock, app } = await signedIn(t)
  // Rotates at once; its response hangs.
  const answer = await browser.copy().refresh()
  const late = answer.cookies
  for (let rotation = 0; rotation < 12; rotation++) {
    t.equal((await browser.refresh()).statusCode, 200)
    await clock.advance(61)
    await browser.verified()
  }
  for (const { name, value, maxAge } of late)
    if (value === '' || maxAge === 0) browser.cookies.delete(name)
    else browser.cookies.set(name, value)
  t.equal(browser.cookies.get('__Host-latchkey'), late[0]!.value, 'the named cookie is an old one')
  t.equal((await browser.refresh()).statusCode, 200)
  t.equal((await browser.refresh()).statusCode, 200)
  const slots = [...browser.cookies.keys()].filter(name => /-[0-9a-f]{3}$/.test(name))
  t.equal(slots.length, 1, 'the late cookie is cleared')
  t.equal((await browser.post('/auth/logout')).statusCode, 204)
  t.notOk([...browser.cookies.keys()].some(name => /^__Host-latchkey(-[0-9a-f]{3})?$/.test(name)))
  t.ok(app)
})

t.test('a sign-in in a browser whose stalled refresh was answered does not revoke its older session', async t => {
  const { browser, clock } = await signedIn(t)
  const arrives = stalled(browser)
  await browser.refresh()
  await clock.advance(66)
  await browser.verified()
  await arrives()
  const other = browser.copy()
  t.equal((await browser.logIn(EMAIL, PASSWORD)).statusCode, 200)
  t.equal(await other.verified(), 200)
})

t.test('a browser that crashes before it saves its cookies can still refresh', async t => {
  const { browser, clock } = await signedIn(t)
  const onDisk = browser.copy()
  for (const _generation of [1, 2, 3, 4, 5]) {
    t.equal((await browser.refresh()).statusCode, 200)
    await browser.verified()
    await clock.advance(25)
    await browser.verified()
    // It crashes, and is opened again six hours later.
    browser.cookies.clear()
    for (const [name, value] of onDisk.cookies) browser.cookies.set(name, value)
    await clock.advance(6 * 3600)
    t.equal((await browser.refresh()).statusCode, 200)
    onDisk.cookies.clear()
    for (const [name, value] of browser.cookies) onDisk.cookies.set(name, value)
    await clock.advance(600)
  }
})

t.test('a browser that keeps only the cookie __Host-latchkey can still refresh', async t => {
  const { browser, clock } = await signedIn(t)
  const keepNamedOnly = () => {
    for (const name of browser.cookies.keys()) if (name !== '__Host-latchkey') browser.cookies.delete(name)
  }
  for (let rotation = 0; rotation < 3; rotation++) {
    keepNamedOnly()
    const arrives = stalled(browser)
    t.equal((await browser.refresh()).statusCode, 200)
    keepNamedOnly()
    await clock.advance(66)
    await browser.verified()
    t.match(await arrives(), { code: 'refresh_token_superseded' })
  }
})

t.test('the cookie that a refresh has just replaced can still sign out everywhere', async t => {
  const { browser, clock } = await signedIn(t)
  const before = browser.copy()
  await browser.refresh()
  await clock.advance(5)
  before.accessToken = undefined
  t.equal((await before.post('/auth/logout', { scope: 'all' })).statusCode, 204)
  t.equal(await browser.verified(), 'token_revoked')
})

t.test('a rotation by the previous version, which has no marks, does not count as another browser', async t => {
  const { browser, clock, database } = await signedIn(t)
  await browser.refresh()
  const { admin } = database
  for (let generation = 0; generation < 6; generation++) {
    await clock.advance(600)
    const [row] = await admin`select previous_mark, previous_mark_generation from refresh_tokens`
    const tab = browser.copy()
    await tab.refresh()
    // The columns that the previous version does not write.
    await admin`update refresh_tokens set ${admin(row!)}`
    t.equal((await browser.refresh()).statusCode, 200)
    t.match((await admin`select late_replays from refresh_tokens`)[0], { late_replays: 0 })
  }
})
