/**
 * Writes docs/images/account-*.png: the account page of a service that it starts, with people and devices that it makes
 * up.
 *
 *     npx tsx scripts/screenshots.ts [--all FOLDER]
 *
 * With `--all` it writes every view in each width, theme and language into another folder, for a person to look at.
 * It needs Chromium (`CHROMIUM`, by default /usr/bin/chromium).
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { locationFile } from '../test/support/location-file.js'
import { startService } from './readme/start-service.js'

const { values } = parseArgs({ options: { all: { type: 'string' } } })
const folder = values.all ?? 'docs/images'

const ADA = { email: 'ada@example.com', password: 'a mill of brass' }
const LONG = {
  email: 'hubert.blaine.wolfeschlegelsteinhausenbergerdorff@department.of.letters.example.com',
  password: ADA.password,
}

const DEVICES = [
  [
    'Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Mobile Safari/537.36',
    '203.0.113.9',
  ],
  [
    'Mozilla/5.0 (iPad; CPU OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1',
    '198.51.100.4',
  ],
  ['Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0', '192.0.2.77'],
] as const
const HOME = '203.0.113.20'
const LAPTOP =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15'
/** How long ago each session was last active, and each event happened, in minutes. */
const AGES = [0, 26, 60 * 5, 60 * 24 * 2, 60 * 24 * 3, 60 * 24 * 9, 60 * 24 * 16]

interface Shot {
  view: 'sign-in' | 'errors' | 'account' | 'activity' | 'long' | 'dialog' | 'not-me' | 'rename' | 'reset'
  width: number
  theme: 'light' | 'dark'
  language: 'en' | 'fr' | 'es'
}

/** The pictures of the documentation. */
const CHOSEN: Shot[] = [
  { view: 'account', width: 1280, theme: 'light', language: 'en' },
  { view: 'account', width: 390, theme: 'dark', language: 'fr' },
  { view: 'activity', width: 390, theme: 'light', language: 'es' },
  { view: 'sign-in', width: 390, theme: 'light', language: 'en' },
]

const ALL: Shot[] = (['sign-in', 'errors', 'account', 'long', 'dialog', 'not-me', 'rename', 'reset'] as const).flatMap(
  view =>
    [320, 390, 1280].flatMap((width, i) =>
      (['light', 'dark'] as const).map((theme, j) => ({
        view,
        width,
        theme,
        language: (['en', 'fr', 'es'] as const)[(i + j) % 3]!,
      })),
    ),
)

const temporary = await mkdtemp(join(tmpdir(), 'latchkey-screenshots-'))
const locations = join(temporary, 'locations.mmdb')
await writeFile(
  locations,
  locationFile({
    '203.0.113.0/24': { country: { iso_code: 'FR' }, city: { names: { en: 'Lyon' } } },
    '198.51.100.0/24': { country: { iso_code: 'ES' }, city: { names: { en: 'Girona' } } },
    '192.0.2.0/24': { country: { iso_code: 'CA' }, city: { names: { en: 'Québec' } } },
  }),
)
const service = await startService({
  LOCATION_DATABASE: locations,
  TRUST_PROXY: '127.0.0.1/32,::1/128',
  ACCOUNT_NAME: 'Brass Mill',
  ACCOUNT_HOME: '/',
  ACCOUNT_LINKS:
    'Help=https://example.com/help,Imprint=https://example.com/imprint,Privacy=https://example.com/privacy',
  RATE_LIMIT: 'off',
})
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--force-color-profile=srgb', '--hide-scrollbars'],
})
try {
  await mkdir(folder, { recursive: true })
  await createPeople()
  const states = { [ADA.email]: await signedInState(browser, ADA), [LONG.email]: await signedInState(browser, LONG) }
  for (const shot of values.all ? ALL : CHOSEN) await take(shot, states)
} finally {
  await browser.close()
  await service.stop()
  await rm(temporary, { recursive: true })
}

/** Ada has three devices beside the browser of the pictures, and a refused attempt. */
async function createPeople(): Promise<void> {
  for (const person of [ADA, LONG]) {
    await post('/auth/register', person, LAPTOP, HOME)
    for (const [agent, ip] of DEVICES) {
      const { access_token, session_id } = await post('/auth/login', person, agent, ip)
      if (person === LONG || agent.includes('Android'))
        await fetch(`${service.url}/auth/sessions/${session_id}`, {
          method: 'PATCH',
          headers: { authorization: `Bearer ${access_token}`, 'content-type': 'application/json' },
          body: JSON.stringify({
            label: person === ADA ? 'Ada’s phone' : `${'Extraordinarily long name '.repeat(3)}<b>of a device</b>`,
          }),
        })
    }
    await post('/auth/login', { ...person, password: 'a mill of bronze' }, DEVICES[2][0], '192.0.2.80')
  }
}

async function post(path: string, body: object, agent: string, ip: string) {
  const response = await fetch(service.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': agent, 'x-forwarded-for': ip },
    body: JSON.stringify({ transport: 'body', ...body }),
  })
  return (await response.json()) as { access_token: string; session_id: string }
}

type State = Awaited<ReturnType<BrowserContext['storageState']>>

/** The cookies of the person after a sign-in. */
async function signedInState(browser: Browser, { email, password }: typeof ADA): Promise<State> {
  const context = await browser.newContext({ userAgent: LAPTOP, extraHTTPHeaders: { 'x-forwarded-for': HOME } })
  const page = await context.newPage()
  await page.goto(`${service.url}/account`)
  await page.locator('[name=username]').fill(email)
  await page.locator('[name=password]').fill(password)
  await page.locator('[type=submit]').click()
  await page.locator('.session').first().waitFor()
  const state = await context.storageState()
  await context.close()
  return state
}

async function take({ view, width, theme, language }: Shot, states: Record<string, State>): Promise<void> {
  const isSignedIn = !['sign-in', 'errors', 'reset'].includes(view)
  const state = states[view === 'long' ? LONG.email : ADA.email]!
  const context = await browser.newContext({
    ...(isSignedIn && { storageState: state }),
    viewport: { width, height: width > 800 ? 860 : 760 },
    deviceScaleFactor: values.all || width > 800 ? 1 : 1.5,
    colorScheme: theme,
    reducedMotion: 'reduce',
    userAgent: LAPTOP,
    extraHTTPHeaders: { 'x-forwarded-for': HOME },
  })
  const page = await context.newPage()
  await spreadTimes(page)
  await page.goto(`${service.url}/account?lang=${language}${view === 'reset' ? '#reset=lk_pr_x' : ''}`)
  await page
    .locator(isSignedIn ? '.session' : 'form')
    .first()
    .waitFor()
  await prepare(page, view)
  const isWhole = values.all !== undefined || width > 800
  await page.screenshot({ path: join(folder, `account-${view}-${width}-${theme}-${language}.png`), fullPage: isWhole })
  if (isSignedIn) states[view === 'long' ? LONG.email : ADA.email] = await context.storageState()
  await context.close()
}

async function prepare(page: Page, view: Shot['view']): Promise<void> {
  if (view === 'errors') {
    await page.locator('.other .link').click()
    await page.locator('[name=email]').fill('ada')
    await page.locator('[name=password]').fill('password')
    await page.locator('[type=submit]').click()
    await page.locator('[aria-invalid]').first().waitFor()
  }
  if (view === 'activity')
    await page.locator('#activity').evaluate(heading => (heading as never as Scrolled).scrollIntoView())
  if (view === 'dialog') {
    await page.locator('.profile button').first().click()
    await page.locator('dialog [type=submit]').click()
  }
  if (view === 'not-me') await page.locator('.events .link').first().click()
  if (view === 'rename') await page.locator('.session .icon').nth(1).click()
}

interface Scrolled {
  scrollIntoView(): void
}

/** What was just made looks as if it had happened on other days. */
async function spreadTimes(page: Page): Promise<void> {
  for (const [path, field] of [
    ['sessions', 'last_active_at'],
    ['events?*', 'at'],
  ] as const)
    await page.route(`**/auth/${path}`, async route => {
      const response = await route.fetch()
      const body = await response.json()
      const items: Record<string, string>[] = body.events ?? body
      for (const [i, item] of items.entries())
        item[field] = new Date(Date.now() - AGES[Math.min(i, AGES.length - 1)]! * 60_000).toISOString()
      await route.fulfill({ response, json: body })
    })
}
