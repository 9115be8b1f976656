import t from 'tap'
import { skip } from '../browser/chromium.js'
import { until } from '../support/eventually.js'
import { medianAndWorst } from '../support/three-services.js'
import { ADA, emailOf, openClientPages } from './client-page.js'

declare global {
  /** When this page saw a sign-out, in milliseconds since 1970. */
  var signedOutAt: number
}

/** How often a delay is measured. */
const TIMES = 5

t.test('a session that ends elsewhere signs the page out when it next acts', { skip }, async t => {
  const { open, newContext } = await openClientPages(t)
  const [here, other] = [await open(), await open(await newContext())]
  await here.evaluate(ada => client.register(ada), ADA)
  const delays: number[] = []
  for (let n = 0; n < TIMES; n++) {
    await other.evaluate(ada => client.login(ada), ADA)
    const sessions = await here.evaluate(() => client.sessions.list())
    t.equal(sessions.length, 2)
    await here.evaluate(id => client.sessions.revoke(id), sessions.find(({ current }) => !current)!.id)
    const { status, user, delayMs } = await other.evaluate(async () => {
      const actedAt = performance.now()
      const { status } = await client.fetch('/auth/profile')
      return { status, user: client.user, delayMs: performance.now() - actedAt }
    })
    t.strictSame([status, user], [401, null])
    delays.push(delayMs)
  }
  t.equal(await emailOf(here), ADA.email)
  t.comment(`from the act to the sign-out: ${figures(delays)}`)
})

t.test('a sign-out in one tab ends in all tabs at about the same time', { skip }, async t => {
  const { open } = await openClientPages(t)
  const tabs = [await open(), await open(), await open(), await open()]
  for (const tab of tabs)
    await tab.evaluate(() => {
      client.onChange(user => {
        if (user === null) globalThis.signedOutAt = Date.now()
      })
    })
  await tabs[0]!.evaluate(ada => client.register(ada), ADA)
  const delays: number[] = []
  for (let n = 0; n < TIMES; n++) {
    await tabs[0]!.evaluate(ada => client.login(ada), ADA)
    for (const tab of tabs) await tab.waitForFunction(() => client.user)
    await tabs[0]!.evaluate(() => client.logout())
    for (const tab of tabs) await tab.waitForFunction(() => client.user === null)
    const [own, ...others] = await Promise.all(tabs.map(tab => tab.evaluate(() => signedOutAt)))
    delays.push(Math.max(...others) - own!)
  }
  t.equal(delays.length, TIMES)
  t.comment(`from the sign-out of one tab to that of the last of ${tabs.length}: ${figures(delays)}`)
})

t.test('ending the own session signs out, and ending the others does not', { skip }, async t => {
  const { open, newContext } = await openClientPages(t)
  const [here, other] = [await open(), await open(await newContext())]
  await here.evaluate(ada => client.register(ada), ADA)
  await other.evaluate(ada => client.login(ada), ADA)
  await here.evaluate(() => client.sessions.revokeOthers())
  t.equal(await other.evaluate(async () => (await client.fetch('/auth/profile')).status), 401)
  t.equal(await emailOf(other), null)
  const own = await here.evaluate(() => client.sessions.list())
  t.equal(own.length, 1)
  await here.evaluate(id => client.sessions.rename(id, 'The desk'), own[0]!.id)
  t.match(await here.evaluate(() => client.sessions.list()), [{ label: 'The desk' }])
  t.match(await here.evaluate(() => client.events({ limit: 1 })), { events: [{}] })
  await here.evaluate(id => client.sessions.revoke(id), own[0]!.id)
  t.equal(await emailOf(here), null)
})

t.test('the id of a session is not a path', { skip }, async t => {
  const { open, requests } = await openClientPages(t)
  const tab = await open()
  await tab.evaluate(ada => client.register(ada), ADA)
  requests.length = 0
  await tab.evaluate(() => client.sessions.revoke('../sessions/others').catch(() => {}))
  t.match(requests, [/^DELETE \/auth\/sessions\/\.\.%2Fsessions%2Fothers 4/])
})

t.test('a late answer to a sign-out ends only the session that it is about', { skip }, async t => {
  const { open, context } = await openClientPages(t)
  const tab = await open()
  await tab.evaluate(ada => client.register(ada), ADA)
  let answerNow: (() => void) | undefined
  await context.route('**/auth/logout', async route => {
    const response = await route.fetch()
    await new Promise<void>(resolve => {
      answerNow = resolve
    })
    await route.fulfill({ response })
  })
  const signedOut = tab.evaluate(() => client.logout())
  await until(() => answerNow !== undefined)
  await tab.evaluate(ada => client.register({ ...ada, email: 'grace@example.com' }), ADA)
  answerNow!()
  await signedOut
  t.equal(await emailOf(tab), 'grace@example.com')
})

t.test('signing out everywhere is not said to have happened if it did not', { skip }, async t => {
  const { open, newContext } = await openClientPages(t)
  const [here, other] = [await open(), await open(await newContext())]
  await here.evaluate(ada => client.register(ada), ADA)
  await other.evaluate(ada => client.login(ada), ADA)
  await here.evaluate(() => client.sessions.revokeOthers())
  const code = await other.evaluate(() =>
    client.logout({ scope: 'all' }).then(
      () => 'done',
      error => error.code,
    ),
  )
  t.not(code, 'done')
  t.equal(await emailOf(other), null)
  t.equal(await emailOf(here), ADA.email)
})

/** The tests do not judge the delays: they depend on the machine. */
function figures(delaysMs: number[]): string {
  const { median, worst } = medianAndWorst(delaysMs)
  return `median ${median.toFixed()} ms, worst ${worst.toFixed()} ms of ${TIMES}`
}
