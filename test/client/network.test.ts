import t from 'tap'
import { skip } from '../browser/chromium.js'
import { until } from '../support/eventually.js'
import { ADA, emailOf, openClientPages } from './client-page.js'

// What networks and machines do to a page. In every case the user must still be signed in.

t.test('an answer that is lost is asked for again', { skip }, async t => {
  const { open, context, requests } = await openClientPages(t)
  const tab = await open()
  await tab.evaluate(ada => client.register(ada), ADA)
  let lost = 0
  await context.route('**/auth/refresh', async route => {
    if (lost++ > 0) return route.fallback()
    await route.fetch()
    await route.abort('connectionreset')
  })
  const next = await open()
  t.equal(await emailOf(next), ADA.email)
  t.ok(lost > 1)
  t.ok(requests.includes('POST /auth/refresh 200'))
})

t.test('offline, 429, 5xx and answers of a captive portal are errors, and sign nobody out', { skip }, async t => {
  const { open, context, clock } = await openClientPages(t)
  const tab = await open(undefined, { clock: true })
  await tab.evaluate(ada => client.register(ada), ADA)
  const pass = async (minutes: number) => {
    await clock.advance(minutes * 60)
    await tab.clock.fastForward(minutes * 60_000)
  }
  const attempt = async () => {
    // The pause after a failure.
    await tab.clock.fastForward(500)
    return tab.evaluate(() =>
      client.fetch('/auth/profile').then(
        ({ status }) => ({ status }),
        error => ({ name: error.name, status: error.status, code: error.code }),
      ),
    )
  }
  await context.setOffline(true)
  await pass(20)
  t.match(await attempt(), { name: 'TypeError' }, 'as fetch says it')
  await context.setOffline(false)
  t.match(await attempt(), { status: 200 })
  const answers = [
    { status: 500, body: 'no' },
    { status: 502, contentType: 'text/html', body: '<h1>Bad gateway</h1>' },
    { status: 401, contentType: 'text/html', body: '<h1>Sign in to this Wi-Fi</h1>' },
    { status: 401, contentType: 'application/json', body: '{"code":401,"message":"Sign in to the proxy"}' },
    { status: 200, contentType: 'text/html', body: '<h1>Sign in to this Wi-Fi</h1>' },
    { status: 503, contentType: 'application/problem+json', body: '{"code":"store_unavailable"}' },
    { status: 403, contentType: 'application/problem+json', body: '{"code":"cross_site_request"}' },
  ]
  for (const answer of answers) {
    await context.route('**/auth/refresh', route => route.fulfill(answer))
    await pass(20)
    const status = answer.status === 200 ? 502 : answer.status
    const code = answer.contentType === 'application/problem+json' ? JSON.parse(answer.body).code : 'unexpected_answer'
    t.strictSame(await attempt(), { name: 'AuthError', status, code })
    t.equal(await emailOf(tab), ADA.email, 'still signed in')
    await context.unroute('**/auth/refresh')
    t.match(await attempt(), { status: 200 })
  }
})

t.test('while a service asks to wait, it is not asked', { skip }, async t => {
  const { open, context, clock } = await openClientPages(t)
  const tab = await open(undefined, { clock: true })
  await tab.evaluate(ada => client.register(ada), ADA)
  let asked = 0
  await context.route('**/auth/refresh', route => {
    asked++
    return route.fulfill({
      status: 429,
      headers: { 'retry-after': '30' },
      contentType: 'application/problem+json',
      body: '{"code":"rate_limited"}',
    })
  })
  await clock.advance(16 * 60)
  await tab.clock.fastForward(16 * 60_000)
  const codes = await tab.evaluate(async () => {
    const codes: string[] = []
    for (let n = 0; n < 5; n++) await client.getAccessToken().catch(({ code }) => codes.push(code))
    return codes
  })
  t.strictSame(codes, Array(5).fill('rate_limited'))
  t.equal(asked, 1)
  await tab.clock.fastForward(31_000)
  await tab.evaluate(() => client.getAccessToken().catch(() => {}))
  t.ok(asked > 1)
})

t.test('a refresh that stalls does not stop a tab that gets a token from another one', { skip }, async t => {
  const { open, context } = await openClientPages(t)
  const first = await open()
  await first.evaluate(ada => client.register(ada), ADA)
  let isStalled = false
  await context.route('**/auth/refresh', async route => {
    if (isStalled) return route.fallback()
    isStalled = true
  })
  const second = await open()
  await until(() => isStalled)
  const third = await open()
  t.equal(await emailOf(third), ADA.email)
  t.equal(await emailOf(second), ADA.email)
  t.equal(await second.evaluate(async () => (await client.fetch('/auth/profile')).status), 200)
})

t.test('a superseded refresh is sent once more, and then it is an error', { skip }, async t => {
  const { open, context } = await openClientPages(t)
  const tab = await open()
  await tab.evaluate(ada => client.register(ada), ADA)
  let superseded = 1
  let asked = 0
  await context.route('**/auth/refresh', route => {
    asked++
    if (superseded-- <= 0) return route.fallback()
    return route.fulfill({
      status: 401,
      contentType: 'application/problem+json',
      body: '{"code":"refresh_token_superseded"}',
    })
  })
  t.equal(await emailOf(await open()), ADA.email)
  t.equal(asked, 2, 'once more')
  superseded = 2
  const page = await context.newPage()
  asked = 0
  await page.goto(tab.url())
  const refusal = await page.evaluate(() => client.getAccessToken().catch(error => error.code))
  t.equal(refusal, 'refresh_token_superseded')
  t.equal(asked, 2)
  t.equal(await emailOf(page), ADA.email, 'a later attempt succeeds')
})

t.test('after a sleep, one refresh is enough for any number of requests', { skip }, async t => {
  const { open, requests, clock } = await openClientPages(t)
  const tab = await open(undefined, { clock: true })
  await tab.evaluate(ada => client.register(ada), ADA)
  await clock.advance(3 * 60 * 60)
  requests.length = 0
  await tab.clock.fastForward(3 * 60 * 60_000)
  const answers = await tab.evaluate(() =>
    Promise.all(Array.from({ length: 10 }, async () => (await client.fetch('/auth/profile')).status)),
  )
  t.strictSame(answers, Array(10).fill(200))
  t.equal(requests.filter(request => request.startsWith('POST /auth/refresh')).length, 1)
})

t.test('a clock that is an hour wrong, or is set meanwhile, changes nothing', { skip }, async t => {
  const { open, requests } = await openClientPages(t)
  const tab = await open()
  await tab.evaluate(() => {
    const { now } = Date
    Date.now = () => now() + 60 * 60_000
  })
  await tab.evaluate(ada => client.register(ada), ADA)
  t.equal(await tab.evaluate(async () => (await client.fetch('/auth/profile')).status), 200)
  const other = await open()
  t.equal(await emailOf(other), ADA.email, 'a tab with another clock')
  await tab.evaluate(() => {
    const { now } = Date
    Date.now = () => now() - 2 * 60 * 60_000
  })
  t.equal(await tab.evaluate(async () => (await client.fetch('/auth/profile')).status), 200)
  t.notOk(requests.some(request => request === 'GET /auth/profile 401'))
})

t.test('a page that comes back from the back-forward cache asks again', { skip }, async t => {
  const { open, requests } = await openClientPages(t)
  const tab = await open()
  await tab.evaluate(ada => client.register(ada), ADA)
  requests.length = 0
  await tab.evaluate(() => {
    const window = globalThis as never as EventTarget
    window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }))
  })
  await until(() => requests.includes('POST /auth/refresh 200'))
  t.equal(await emailOf(tab), ADA.email)
})

t.test('an answer that is not one of Latchkey is an error, and is not asked for again and again', { skip }, async t => {
  const { open, context } = await openClientPages(t)
  const tab = await open()
  let asked = 0
  let body = ''
  await context.route('**/auth/{refresh,login}', route => {
    asked++
    return route.fulfill({ status: 200, contentType: 'application/json', body })
  })
  const user = { id: '1', email: 'a@b.c' }
  const answers = [{}, null, 'text', { ...user, access_token: 'a' }, { access_token: 'a', expires_in: 0, user }]
  for (body of answers.map(answer => JSON.stringify(answer))) {
    const code = await tab.evaluate(ada => client.login(ada).catch(error => error.code), ADA)
    t.equal(code, 'unexpected_answer', body)
  }
  asked = 0
  const page = await open()
  await page.waitForTimeout(1500)
  t.ok(asked <= 3, `${asked} refreshes`)
  t.equal(await page.evaluate(() => client.user), undefined)
})
