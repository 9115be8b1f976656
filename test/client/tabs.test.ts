import t from 'tap'
import { skip } from '../browser/chromium.js'
import { until } from '../support/eventually.js'
import { ADA, emailOf, openClientPages, setHidden } from './client-page.js'

t.test('a sign-in and a sign-out reach every tab', { skip }, async t => {
  const { open, context } = await openClientPages(t)
  const [first, second] = [await open(), await open()]
  t.equal(await emailOf(first), null)
  await first.evaluate(ada => client.register(ada), ADA)
  await second.waitForFunction(() => client.user?.email === 'ada@example.com')
  const third = await open()
  t.equal(await emailOf(third), 'ada@example.com', 'a new tab finds the session')
  t.equal(await third.evaluate('document.cookie'), '', 'scripts cannot read the refresh token')
  t.equal(await third.evaluate('Object.keys(localStorage).length + Object.keys(sessionStorage).length'), 0)
  await third.evaluate(() => client.logout())
  for (const tab of [first, second, third]) {
    await tab.waitForFunction(() => client.user === null)
    t.strictSame(await tab.evaluate(() => changes.at(-1)), null)
  }
  const cookies = await context.cookies()
  t.strictSame(
    cookies.map(({ name }) => name),
    ['__Host-latchkey-device'],
    'the browser has no refresh token left',
  )
})

t.test('many tabs through many refreshes stay in one session, and no page sees a 401', { skip }, async t => {
  const { open, requests, database } = await openClientPages(t, { JWT_EXPIRES_IN: '10s' })
  const tabs = [await open(), await open(), await open(), await open()]
  await tabs[0]!.evaluate(ada => client.register(ada), ADA)
  requests.length = 0
  const answers = await Promise.all(
    tabs.map(tab =>
      tab.evaluate(async () => {
        const seen: number[] = []
        for (const until = Date.now() + 16_000; Date.now() < until; await new Promise(done => setTimeout(done, 200)))
          seen.push((await client.fetch('/auth/profile')).status)
        return seen
      }),
    ),
  )
  t.strictSame([...new Set(answers.flat())], [200])
  t.ok(requests.includes('POST /auth/refresh 200'))
  t.notOk(
    requests.some(request => request.endsWith('401')),
    'each token was renewed in time',
  )
  t.strictSame((await database.admin`select count(*)::int from sessions`)[0], { count: 1 })
})

t.test('a tab that nobody sees does not refresh until it is used or seen', { skip }, async t => {
  const { open, requests, clock } = await openClientPages(t)
  const tab = await open(undefined, { clock: true })
  const later = async (minutes: number) => {
    requests.length = 0
    await clock.advance(minutes * 60)
    await tab.clock.fastForward(minutes * 60_000)
    await tab.waitForTimeout(200)
    return requests
  }
  await tab.evaluate(ada => client.register(ada), ADA)
  t.strictSame(await later(14), ['POST /auth/refresh 200'], 'it is seen')
  await setHidden(tab, true)
  t.strictSame(await later(20), [])
  t.equal((await tab.evaluate(() => client.sessions.list())).length, 1)
  t.strictSame(requests, ['POST /auth/refresh 200', 'GET /auth/sessions 200'], 'it is used')
  t.strictSame(await later(20), [])
  await setHidden(tab, false)
  await until(() => requests.length > 0)
  t.strictSame(requests, ['POST /auth/refresh 200'], 'it is seen again')
})

t.test('signing in as somebody else reaches every tab, and an older answer changes nothing', { skip }, async t => {
  const { open, context } = await openClientPages(t)
  const [first, second] = [await open(), await open()]
  await first.evaluate(ada => client.register(ada), ADA)
  await second.waitForFunction(() => client.user)
  let answerNow = () => {}
  await context.route('**/auth/refresh', async route => {
    const response = await route.fetch()
    await new Promise<void>(resolve => {
      answerNow = resolve
    })
    await route.fulfill({ response })
  })
  const late = await open()
  await late.waitForTimeout(200)
  await first.evaluate(ada => client.register({ ...ada, email: 'grace@example.com' }), ADA)
  for (const tab of [second, late]) await tab.waitForFunction(() => client.user?.email === 'grace@example.com')
  answerNow()
  await late.waitForTimeout(300)
  t.equal(await emailOf(late), 'grace@example.com')
  t.equal(await emailOf(first), 'grace@example.com')
})

t.test('messages of another application on the same channel change nothing', { skip }, async t => {
  const { open, origin, context } = await openClientPages(t)
  const [tab, sender] = [await open(), await open()]
  const errors: string[] = []
  tab.on('pageerror', error => errors.push(error.message))
  await tab.evaluate(ada => client.register(ada), ADA)
  const user = { id: 'x', email: 'mallory@example.com' }
  const messages = [
    ...[null, undefined, 0, 'endedSessionId', [], {}],
    ...[{ endedSessionId: undefined }, { endedSessionId: null }, { endedSessionId: 'another' }],
    ...[
      { grant: null, isSignIn: true },
      { grant: {}, isSignIn: true },
      { grant: 'x', isSignIn: true },
    ],
    { grant: { token: 'x', lifetimeMs: 900_000, sessionId: 'x', user, askedAt: null }, isSignIn: true },
    { grant: { token: 'x', lifetimeMs: 900_000, sessionId: 'x', askedAt: { wall: Date.now() } }, isSignIn: true },
  ]
  const sendAll = () =>
    sender.evaluate(
      ([name, messages]) => {
        const channel = new BroadcastChannel(name!)
        for (const message of messages) channel.postMessage(message)
        channel.close()
      },
      [`latchkey:${origin}`, messages] as never as [string, unknown[]],
    )
  await sendAll()
  t.equal(await tab.evaluate(async () => (await client.fetch('/auth/profile')).status), 200)
  t.equal(await emailOf(tab), ADA.email)

  // They come while a new tab does not know yet who is signed in.
  await context.route('**/auth/refresh', async route => {
    await sendAll()
    await route.fallback()
  })
  const late = await open()
  late.on('pageerror', error => errors.push(error.message))
  t.equal(await emailOf(late), ADA.email)
  t.strictSame(await late.evaluate(() => changes), [ADA.email])
  t.strictSame(errors, [])
})

t.test('a browser that refuses the channel still signs in', { skip }, async t => {
  const { open, context } = await openClientPages(t)
  await context.addInitScript(() => {
    globalThis.BroadcastChannel = class {
      constructor() {
        throw new DOMException('The operation is insecure.', 'SecurityError')
      }
    } as never
  })
  const tab = await open()
  await tab.evaluate(ada => client.register(ada), ADA)
  t.equal(await emailOf(tab), ADA.email)
})

t.test('a change of the password continues in a new session, in every tab', { skip }, async t => {
  const { open } = await openClientPages(t)
  const [first, second] = [await open(), await open()]
  await first.evaluate(ada => client.register(ada), ADA)
  await second.waitForFunction(() => client.user)
  await first.evaluate(
    ada => client.changePassword({ currentPassword: ada.password, newPassword: 'another mill of brass' }),
    ADA,
  )
  await second.waitForTimeout(200)
  t.equal(await second.evaluate(async () => (await client.fetch('/auth/profile')).status), 200)
  const refusal = await first.evaluate(
    ada => client.changePassword({ currentPassword: ada.password, newPassword: 'x' }).catch(error => ({ ...error })),
    ADA,
  )
  t.match(refusal, { status: Number, code: String })
  t.equal(await emailOf(first), ADA.email, 'a refusal signs nobody out')
})

t.test('a late answer brings no ended session back', { skip }, async t => {
  const { open, context } = await openClientPages(t)
  const first = await open()
  await first.evaluate(ada => client.register(ada), ADA)
  let answerNow: (() => void) | undefined
  await context.route('**/auth/refresh', async route => {
    if (answerNow) return route.fallback()
    const response = await route.fetch()
    await new Promise<void>(resolve => {
      answerNow = resolve
    })
    await route.fulfill({ response })
  })
  const late = await open()
  await until(() => answerNow !== undefined)
  // As a double click does.
  await first.evaluate(() => Promise.all([client.logout(), client.logout()]))
  const third = await open()
  t.equal(await emailOf(third), null)
  answerNow!()
  t.equal(await emailOf(late), null)
  await third.waitForTimeout(200)
  for (const tab of [first, third]) t.equal(await emailOf(tab), null)
  const signIns = await first.evaluate(() => changes.filter(Boolean))
  t.strictSame(signIns, [ADA.email])
})

t.test('after close, what is asked for still happens, and nothing else', { skip }, async t => {
  const { open } = await openClientPages(t)
  const tab = await open()
  const result = await tab.evaluate(async ada => {
    client.close()
    const user = await client.register(ada)
    await client.logout()
    return { email: user!.email, changes }
  }, ADA)
  t.equal(result.email, ADA.email)
  t.notOk(result.changes.includes(ADA.email))
})
