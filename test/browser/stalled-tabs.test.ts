import { setTimeout as sleep } from 'node:timers/promises'
import type { BrowserContext, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { findFreePort } from '../support/free-port.js'
import { startGateway } from '../support/gateways/start-gateway.js'
import { PASSWORD } from '../support/people.js'
import { listen } from '../support/raw-request.js'
import { seededRandom } from '../support/seeded-random.js'
import { type PassedRefresh, type Stall, type StallingProxy, startStallingProxy } from '../support/stalling-proxy.js'
import { skip, startChromium } from './chromium.js'

// Ten tabs of one browser, each with its own timer, on a network where one refresh in five stalls for longer than its
// token is the current one. They use HTTP/2 to a gateway: over HTTP/1.1 the browser has six connections for all tabs, and
// stalled requests would delay the others.
// `SEED=…` repeats the same stalls. With the default times of production, for twenty minutes:
// STALLED_TABS=long npx tap --timeout=2400 test/browser/stalled-tabs.test.ts

const TABS = 10
const STALLED = 1 / 5
const seed = Number(process.env.SEED ?? Date.now() % 0x7fff_ffff)

interface Times {
  settings: NodeJS.ProcessEnv
  lastsMs: number
  stallMaxMs: number
  refreshMs: readonly [from: number, to: number]
  useMs: number
}

const SHORT: Times = {
  settings: { REFRESH_MIN_AGE: '1s', REFRESH_LEEWAY: '0s', REFRESH_SETTLE: '2s' },
  lastsMs: 20_000,
  stallMaxMs: 6000,
  refreshMs: [1500, 4000],
  useMs: 400,
}

/** The tabs refresh between 60 and 90 % of the access token's lifetime. */
const LONG: Times = {
  settings: { JWT_EXPIRES_IN: '2m' },
  lastsMs: 20 * 60_000,
  stallMaxMs: 3 * 60_000,
  refreshMs: [72_000, 108_000],
  useMs: 10_000,
}

const times = process.env.STALLED_TABS === 'long' ? LONG : SHORT

/** The results that a page returns at its end. */
interface Tally {
  refreshes: number
  superseded: number
  mostInARow: number
  uses: number
  expired: number
  refused: string[]
  last: number
  protocol: string
}

t.test(`ten tabs stay signed in on a network that stalls requests (SEED=${seed})`, { skip }, async t => {
  const { context, origin, network, events } = await open(t)
  const pages = await openTabs(context, origin)
  await untilEnoughHappened(network)
  network.calm()
  const tallies = await Promise.all(pages.map(page => page.evaluate('finish()') as Promise<Tally>))

  t.strictSame(
    tallies.map(({ last }) => last),
    tallies.map(() => 200),
    'the last refresh of every tab is answered',
  )
  t.strictSame(
    tallies.flatMap(({ refused }) => refused),
    [],
    'only superseded and expired tokens were refused',
  )
  t.ok(
    tallies.every(({ protocol }) => protocol === 'h2'),
    'no tab waits for a connection',
  )
  const counts = await events()
  t.notOk(counts.refresh_token_reused, 'no reuse of a token was reported')
  t.notOk(counts.refresh_token_unknown, 'every token belonged to the session')

  const stalled = network.passed.filter(({ stall }) => stall)
  const [requests, answers] = (['request', 'answer'] as const).map(of =>
    stalled.filter(({ stall }) => stall!.of === of),
  )
  t.ok(requests!.length > 0, 'requests stalled')
  t.ok(answers!.length > 0, 'answers stalled')
  const overtaken = stalled.filter(({ newest: [whenSent, whenArrived] }) => whenArrived > whenSent)
  t.ok(overtaken.length > 0, 'tokens were rotated meanwhile')
  const superseded = network.passed.filter(({ code }) => code === 'refresh_token_superseded')
  t.ok(superseded.length > 0, 'tokens were superseded meanwhile')

  t.comment(
    `${network.passed.length} refreshes, ${requests!.length} requests and ${answers!.length} answers stalled, ` +
      `${overtaken.length} of them overtaken by a rotation; ${newestOf(network.passed)} rotations; ` +
      `${superseded.length} superseded, ${Math.max(...tallies.map(({ mostInARow }) => mostInARow))} in a row at most; ` +
      `${tallies.reduce((sum, { uses }) => sum + uses, 0)} requests with access tokens, ` +
      `${tallies.reduce((sum, { expired }) => sum + expired, 0)} of them expired`,
  )
  t.comment(`events: ${JSON.stringify(counts)}`)
  if (!t.passing()) for (const refresh of network.passed) t.comment(describe(refresh))
})

interface Setting {
  context: BrowserContext
  origin: string
  network: StallingProxy
  /** The number of events of each type. */
  events(): Promise<Record<string, number>>
}

/** A browser, a gateway, the stalling network and the service, in this order. */
async function open(t: Test): Promise<Setting> {
  const port = await findFreePort()
  const origin = `https://localhost:${port}`
  const { app, database } = await buildTestApp(t, { PUBLIC_ORIGIN: origin, ...times.settings })
  const network = await startStallingProxy(t, await listen(app), stalls(seededRandom(seed)))
  const pages = `handle /*.html {\n root * ${import.meta.dirname}\n file_server\n }`
  const service = `handle {\n reverse_proxy 127.0.0.1:${network.port}\n }`
  await startGateway(t, 'caddy', `${origin} {\n bind 127.0.0.1\n tls internal\n ${pages}\n ${service}\n}`, port)
  const browser = await startChromium(t)
  return {
    context: await browser.newContext({ ignoreHTTPSErrors: true }),
    origin,
    network,
    async events() {
      await app.context.background.settled()
      const rows = await database.admin`select type, count(*)::int from security_events group by type order by type`
      return Object.fromEntries(rows.map(({ type, count }) => [type, count]))
    },
  }
}

/** One refresh in five stalls, half of them on the way to the service and half on the way back. */
function stalls(random: () => number): () => Stall | undefined {
  return () => {
    const [isStalled, of, ms] = [random() < STALLED, random() < 0.5, random() * times.stallMaxMs]
    return isStalled ? { of: of ? 'request' : 'answer', ms } : undefined
  }
}

/** Signs in and opens the tabs. Each refreshes at once, because it has no access token yet. */
async function openTabs(context: BrowserContext, origin: string): Promise<Page[]> {
  const headers = { origin }
  const data = { email: 'ada@example.com', password: PASSWORD }
  const answer = await context.request.post(`${origin}/auth/register`, { headers, data })
  if (!answer.ok()) throw new Error(`signing in was answered ${answer.status()}`)
  const [from, to] = times.refreshMs
  return Promise.all(
    Array.from({ length: TABS }, async (_none, tab) => {
      const page = await context.newPage()
      await page.goto(`${origin}/stalled-tab.html?from=${from}&to=${to}&use=${times.useMs}&tab=${tab}`)
      return page
    }),
  )
}

/** Waits for the planned time, and longer if by chance fewer than two tokens were superseded. */
async function untilEnoughHappened({ passed }: StallingProxy): Promise<void> {
  const superseded = () => passed.filter(({ code }) => code === 'refresh_token_superseded').length
  for (let waitedMs = 0; waitedMs < times.lastsMs * 1.5; waitedMs += 100) {
    if (waitedMs >= times.lastsMs && superseded() >= 2) return
    await sleep(100)
  }
}

function newestOf(passed: readonly PassedRefresh[]): number {
  return Math.max(...passed.map(({ newest }) => newest[1]))
}

function describe(refresh: PassedRefresh): string {
  const { sentAt, answeredAt, arrivedAt, stall, page, shown, hasTicket, status, code, given, newest } = refresh
  const tab = new URL(page).searchParams.get('tab')
  return (
    `tab ${tab} sent ${sentAt} answered ${answeredAt} arrived ${arrivedAt} ms, ` +
    `${stall ? `${stall.of} stalled ${Math.round(stall.ms)} ms, ` : ''}` +
    `shows ${shown.join(' ')}${hasTicket ? ' and a ticket' : ''}: ${status} ${code ?? given}, newest ${newest.join(' to ')}`
  )
}
