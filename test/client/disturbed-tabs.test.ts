import { setTimeout as sleep } from 'node:timers/promises'
import type { BrowserContext, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { skip, startChromium } from '../browser/chromium.js'
import { buildTestApp } from '../support/build-test-app.js'
import { findFreePort } from '../support/free-port.js'
import { startGateway } from '../support/gateways/start-gateway.js'
import { seededRandom } from '../support/seeded-random.js'
import { ADA, bundleClient, emailOf, listenWithPage } from './client-page.js'

// Tabs of one browser, with an access token of ten seconds, while everything happens that networks and people do to
// pages. They use HTTP/2 to a gateway, so that requests that stall do not delay others. `SEED=…` repeats the same
// disturbances. For an hour, with twenty tabs: npm run test:browser -- --long

interface Bounds {
  tabs: number
  lastsMs: number
  stallMaxMs: number
  pauseMs: number
}

const SHORT: Bounds = { tabs: 6, lastsMs: 25_000, stallMaxMs: 6000, pauseMs: 1000 }
const LONG: Bounds = { tabs: 20, lastsMs: 60 * 60_000, stallMaxMs: 120_000, pauseMs: 3000 }
const { tabs: TABS, lastsMs, stallMaxMs, pauseMs } = process.env.BROWSER_TESTS === 'long' ? LONG : SHORT
const seed = Number(process.env.SEED ?? Date.now() % 0x7fff_ffff)

declare global {
  /** What the requests of this page were answered with, and how often. */
  var tally: Record<string, number>
}

t.test(
  `tabs stay signed in whatever happens to them (SEED=${seed})`,
  { skip, timeout: lastsMs * 2 + 60_000 },
  async t => {
    const random = seededRandom(seed)
    const { context, origin, network, counts, sessions } = await open(t, random)
    const pages = await Promise.all(Array.from({ length: TABS }, () => openTab(context, origin)))
    await pages[0]!.evaluate(ada => client.register(ada), ADA)

    const did: Record<string, number> = {}
    for (const until = Date.now() + lastsMs; Date.now() < until; await sleep(pauseMs * (0.5 + random()))) {
      const names = Object.keys(disturbances) as (keyof typeof disturbances)[]
      const name = names[Math.floor(random() * names.length)]!
      did[name] = (did[name] ?? 0) + 1
      await disturbances[name](pages[Math.floor(random() * pages.length)]!, context, network)
    }
    network.isCalm = true
    await context.setOffline(false)
    const emails = await Promise.all(pages.map(async page => (await page.evaluate(settled)) ?? emailOf(page)))
    t.strictSame(emails, Array(TABS).fill(ADA.email), 'every tab is signed in')
    const tallies = await Promise.all(pages.map(page => page.evaluate(() => tally)))
    const total: Record<string, number> = {}
    for (const tally of tallies) for (const [what, n] of Object.entries(tally)) total[what] = (total[what] ?? 0) + n
    t.notOk(total[401], 'no page saw a 401')
    t.notOk(total['signed out'], 'no page saw a sign-out')
    t.ok(total[200]! > TABS, 'they worked')
    t.equal(await sessions(), 1)
    const events = await counts()
    t.notOk(events.refresh_token_reused)
    t.notOk(events.refresh_token_unknown)
    t.comment(
      `${JSON.stringify(network.did)}; ${JSON.stringify(did)}; answers ${JSON.stringify(total)}; events ${JSON.stringify(events)}`,
    )
  },
)

/** What a person, a laptop or a network does. */
const disturbances = {
  async reload(page: Page) {
    await page.reload()
  },
  async goBack(page: Page) {
    await page.goto(`${new URL(page.url()).origin}/livez`)
    await page.evaluate('void history.back()')
    // Playwright is told of no load when a page comes back from the cache.
    await untilBack(page)
  },
  async offline(_page: Page, context: BrowserContext) {
    await context.setOffline(true)
    await sleep(1500)
    await context.setOffline(false)
  },
  async freeze(page: Page, context: BrowserContext) {
    const cdp = await context.newCDPSession(page)
    await cdp.send('Page.setWebLifecycleState', { state: 'frozen' })
    await sleep(2000)
    await cdp.send('Page.setWebLifecycleState', { state: 'active' })
    await cdp.detach()
  },
  async wrongClock(page: Page) {
    await page.evaluate(
      hours => {
        const { now } = Date
        Date.now = () => now() + hours * 60 * 60_000
      },
      Math.random() < 0.5 ? 1 : -1,
    )
  },
  async storm(_page: Page, _context: BrowserContext, network: Network) {
    network.isStorm = true
    await sleep(1500)
    network.isStorm = false
  },
}

async function untilBack(page: Page): Promise<void> {
  for (const until = Date.now() + 20_000; Date.now() < until; await sleep(50)) {
    const isBack = page.evaluate(() => globalThis.client !== undefined).catch(() => false)
    if (await Promise.race([isBack, sleep(1000)])) return
  }
  throw new Error('the page did not come back')
}

interface Network {
  /** Every answer is an error. */
  isStorm: boolean
  /** Nothing happens any more. */
  isCalm: boolean
  did: Record<string, number>
}

/** A browser, a gateway, a network that loses and delays refreshes, and the service. */
async function open(t: Test, random: () => number) {
  const [port, inner] = [await findFreePort(), await findFreePort()]
  const origin = `https://localhost:${port}`
  const { app, database } = await buildTestApp(t, {
    PUBLIC_ORIGIN: origin,
    JWT_EXPIRES_IN: '10s',
    TRUST_PROXY: 'loopback',
  })
  const network: Network = { isStorm: false, isCalm: false, did: {} }
  await listenWithPage(t, app, inner, await bundleClient(), (request, response) => {
    const isRefresh = request.url === '/auth/refresh'
    const chance = isRefresh && !network.isCalm ? random() : 1
    const fate = network.isStorm
      ? 'storm'
      : chance < 0.1
        ? 'lost'
        : chance < 0.2
          ? 'stalled'
          : chance < 0.25
            ? 'refused'
            : ''
    if (!fate) return false
    network.did[fate] = (network.did[fate] ?? 0) + 1
    if (fate === 'storm') response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>')
    else if (fate === 'refused')
      response.writeHead(503, { 'content-type': 'application/problem+json' }).end('{"code":"store_unavailable"}')
    else if (fate === 'stalled') setTimeout(() => app.routing(request, response), random() * stallMaxMs)
    else {
      // The service does its work, and the answer does not arrive.
      response.end = () => response.destroy() as never
      app.routing(request, response)
    }
    return true
  })
  await startGateway(
    t,
    'caddy',
    `${origin} {\n bind 127.0.0.1\n tls internal\n reverse_proxy 127.0.0.1:${inner}\n}`,
    port,
  )
  const browser = await startChromium(t, { withBackForwardCache: true })
  return {
    context: await browser.newContext({ ignoreHTTPSErrors: true }),
    origin,
    network,
    async sessions() {
      const [row] = await database.admin`select count(*)::int from sessions`
      return row!.count as number
    },
    async counts(): Promise<Record<string, number>> {
      await app.context.background.settled()
      const rows = await database.admin`select type, count(*)::int from security_events group by type order by type`
      return Object.fromEntries(rows.map(({ type, count }) => [type, count]))
    },
  }
}

/** A tab that works without a pause, and notes the answers. */
async function openTab(context: BrowserContext, origin: string): Promise<Page> {
  const page = await context.newPage()
  // What is compiled for the tests calls it.
  await page.addInitScript('globalThis.__name = of => of')
  await page.addInitScript(() => {
    const { sessionStorage } = globalThis as never as {
      sessionStorage: { getItem(key: string): string | null; setItem(key: string, value: string): void }
    }
    // A reload forgets what was noted, and a test must not.
    globalThis.tally = JSON.parse(sessionStorage.getItem('tally') ?? '{}')
    const note = (what: string | number) => {
      tally[what] = (tally[what] ?? 0) + 1
      sessionStorage.setItem('tally', JSON.stringify(tally))
    }
    let wasSignedIn = false
    setInterval(() => {
      if (!globalThis.client) return
      wasSignedIn ||= Boolean(client.user)
      if (wasSignedIn && client.user === null) note('signed out')
      if (client.user)
        client.fetch('/auth/profile').then(
          ({ status }) => note(status),
          ({ name }) => note(name),
        )
    }, 400)
  })
  await page.goto(`${origin}/page`)
  await page.waitForFunction(() => globalThis.client !== undefined)
  return page
}

/** Waits until the page has a token again. Returns the address of the user, if it could not get one. */
async function settled(): Promise<string | undefined> {
  for (let attempt = 0; attempt < 50; attempt++) {
    if (await client.getAccessToken().catch(() => {})) return
    await new Promise(resolve => setTimeout(resolve, 500))
  }
  return `no token for ${client.user?.email}`
}
