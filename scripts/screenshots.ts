/**
 * Writes docs/images/account/: the account page of a service that it starts, with people and devices that it makes up.
 *
 *     npx tsx scripts/screenshots.ts [--all FOLDER [--views NAMES]]
 *
 * With `--all` it writes every view in each width, theme and language into another folder, for a person to look at, or only those that `--views` names.
 * It needs Chromium (`CHROMIUM`, by default /usr/bin/chromium). With the font Inter (Debian: fonts-inter), the pictures
 * look as on most devices.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { locationFile } from '../test/support/location-file.js'
import { startService } from './readme/start-service.js'

const { values } = parseArgs({ options: { all: { type: 'string' }, views: { type: 'string' } } })
const folder = values.all ?? 'docs/images/account'

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
/** Around the part of a page that is shown, in pixels. */
const MARGIN = 24
const [HOUR, DAY] = [60, 24 * 60]
/** How long ago each other session was last active, in minutes. */
const SESSION_AGES = [26, 5 * HOUR, 2 * DAY]
/** How long ago each event happened, in minutes. */
const EVENT_AGES = [18, 2 * HOUR, 3 * DAY, 9 * DAY, 16 * DAY]

const WIDTHS = [320, 390, 1280]
const THEMES = ['light', 'dark'] as const
const LANGUAGES = ['en', 'fr', 'es'] as const
const VIEWS = [
  ...([
    'sign-in',
    'errors',
    'forgot',
    'message',
    'reset',
    'old-link',
    'verify',
    'email',
    'not-me-link',
    'used-link',
  ] as const),
  ...(['account', 'long', 'dialog', 'not-me', 'rename', 'change-email', 'delete', 'planned'] as const),
] as const
/** What a link in a letter has behind its `#`. */
const LINKS: Partial<Record<Shot['view'], string>> = {
  reset: 'reset=lk_pr_x',
  'old-link': 'reset=lk_pr_x',
  verify: 'verify=lk_ve_x',
  email: 'email=lk_ce_x',
  'not-me-link': 'not-me=lk_nm_x',
  'used-link': 'not-me=lk_nm_x',
}

interface Shot {
  view: (typeof VIEWS)[number] | 'activity'
  width: number
  theme: (typeof THEMES)[number]
  language: (typeof LANGUAGES)[number]
}

/** A view in every width and theme, and in the languages that are asked for. */
function shotsOf(view: Shot['view'], languagesOf: (i: number, j: number) => readonly Shot['language'][]): Shot[] {
  return WIDTHS.flatMap((width, i) =>
    THEMES.flatMap((theme, j) => languagesOf(i, j).map(language => ({ view, width, theme, language }))),
  )
}

/** The pictures of the documentation. */
const CHOSEN: Shot[] = [
  ...shotsOf('account', () => LANGUAGES),
  { view: 'sign-in', width: 390, theme: 'light', language: 'en' },
  { view: 'sign-in', width: 390, theme: 'dark', language: 'fr' },
  { view: 'activity', width: 390, theme: 'light', language: 'es' },
  { view: 'not-me', width: 390, theme: 'light', language: 'en' },
]

const ALL: Shot[] = VIEWS.filter(view => values.views?.split(',').includes(view) ?? true).flatMap(view =>
  shotsOf(view, (i, j) => [LANGUAGES[(i + j) % LANGUAGES.length]!]),
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
  // Not a word, because it is the same in every language.
  ACCOUNT_LINKS: 'help@brassmill.example=mailto:help@brassmill.example',
  RATE_LIMIT: 'off',
})
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--force-color-profile=srgb', '--hide-scrollbars'],
  env: { ...process.env, FONTCONFIG_FILE: await fontSettings() },
})
try {
  await mkdir(folder, { recursive: true })
  const states = {
    [ADA.email]: await registeredState(browser, ADA),
    [LONG.email]: await registeredState(browser, LONG),
  }
  await addDevices()
  for (const shot of values.all ? ALL : CHOSEN) await take(shot, states)
} finally {
  await browser.close()
  await service.stop()
  await rm(temporary, { recursive: true })
}

/** A file that lets the browser use Inter, if it is installed, in place of the default font. */
async function fontSettings(): Promise<string> {
  const path = join(temporary, 'fonts.conf')
  const rules = ['system-ui', 'sans-serif'].map(
    name =>
      `<match><test name="family" qual="any"><string>${name}</string></test>` +
      '<edit name="family" mode="prepend" binding="strong"><string>Inter</string></edit></match>',
  )
  await writeFile(
    path,
    '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>' +
      `<include ignore_missing="yes">/etc/fonts/fonts.conf</include>${rules.join('')}</fontconfig>`,
  )
  return path
}

/** Each person has three devices beside the browser of the pictures, and a refused attempt. */
async function addDevices(): Promise<void> {
  for (const person of [ADA, LONG]) {
    for (const [agent, ip] of DEVICES) {
      const { access_token, session_id } = await post('/auth/login', person, agent, ip)
      if (person === LONG || agent.includes('Android'))
        await fetch(`${service.url}/auth/sessions/${session_id}`, {
          method: 'PATCH',
          headers: { authorization: `Bearer ${access_token}`, 'content-type': 'application/json' },
          body: JSON.stringify({
            label: person === ADA ? 'Pixel 9' : `${'Extraordinarily long name '.repeat(3)}<b>of a device</b>`,
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

/** The cookies of a person who has created an account. */
async function registeredState(browser: Browser, { email, password }: typeof ADA): Promise<State> {
  const context = await browser.newContext({ userAgent: LAPTOP, extraHTTPHeaders: { 'x-forwarded-for': HOME } })
  const page = await context.newPage()
  await page.goto(`${service.url}/account`)
  await page.locator('.other .link').last().click()
  await page.locator('[name=email]').fill(email)
  await page.locator('[name=password]').fill(password)
  await page.locator('[type=submit]').click()
  await page.locator('.session').first().waitFor()
  const state = await context.storageState()
  await context.close()
  return state
}

async function take({ view, width, theme, language }: Shot, states: Record<string, State>): Promise<void> {
  const isSignedIn = VIEWS.indexOf(view as never) >= VIEWS.indexOf('account') || view === 'activity'
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
  // As if the link were valid.
  if (view === 'reset')
    await page.route('**/auth/reset-password', route =>
      route.fulfill({ status: 422, json: { code: 'password_blank' } }),
    )
  await page.goto(`${service.url}/account?lang=${language}#${LINKS[view] ?? ''}`)
  await page.locator('.session, form, [role=alert]').first().waitFor()
  await prepare(page, view)
  const path = join(folder, `${view}-${width}-${theme}-${language}`)
  // The shade behind a dialog covers what is seen, not the whole page.
  const fullPage = (await page.locator('dialog').count()) === 0
  if (values.all) await page.screenshot({ path: `${path}.png`, fullPage })
  else await page.screenshot({ path: `${path}.jpg`, quality: 74, fullPage, ...(await clipOf(page, view)) })
  if (isSignedIn) states[view === 'long' ? LONG.email : ADA.email] = await context.storageState()
  await context.close()
}

async function prepare(page: Page, view: Shot['view']): Promise<void> {
  if (view === 'errors') {
    await page.locator('.other .link').last().click()
    await page.locator('[name=email]').fill('ada')
    await page.locator('[name=password]').fill('password')
    await page.locator('[type=submit]').click()
    await page.locator('[aria-invalid]').first().waitFor()
  }
  if (view === 'forgot' || view === 'message') await page.locator('.other .link').first().click()
  if (view === 'message') await page.locator('[name=email]').fill(ADA.email)
  if (view === 'message' || view === 'used-link') await page.locator('[type=submit]').click()
  if (view === 'message') await page.locator('.narrow > .primary').waitFor()
  if (view === 'used-link') await page.getByRole('alert').waitFor()
  if (view === 'change-email') {
    await page.locator('.profile .buttons button').first().click()
    await page.locator('[name=new_email]').fill('ada')
    await page.locator('dialog [type=password]').fill(ADA.password)
    await page.locator('dialog [type=submit]').click()
    await page.locator('[aria-invalid]').waitFor()
  }
  if (view === 'delete' || view === 'planned') await page.locator('.columns > :last-child .danger').click()
  if (view === 'planned') {
    await page.route('**/auth/{profile,logout}', route =>
      route.fulfill({ status: 202, json: { delete_at: new Date(Date.now() + 14 * DAY * 60_000) } }),
    )
    await page.locator('[name=current_password]').fill(ADA.password)
    await page.locator('dialog [type=submit]').click()
    await page.locator('.narrow > .primary').waitFor()
  }
  if (view === 'dialog') {
    await page.locator('.profile .buttons button').nth(1).click()
    await page.locator('dialog [type=submit]').click()
  }
  if (view === 'not-me') await page.locator('.events .link').first().click()
  if (view === 'rename') await page.locator('.session .icon').nth(1).click()
}

/** The part of the page that a picture of the documentation shows: on a phone, one section. */
async function clipOf(page: Page, view: Shot['view']) {
  const { width } = page.viewportSize()!
  if (width > 800 || !(view === 'account' || view === 'activity')) return {}
  const section = (await page
    .locator('.columns > section')
    .nth(view === 'account' ? 0 : 1)
    .boundingBox())!
  const [top, end] = [view === 'account' ? 0 : section.y - MARGIN, section.y + section.height + MARGIN]
  return { clip: { x: 0, y: top, width, height: end - top } }
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
      const items: Record<string, string | boolean>[] = body.events ?? body
      const ages = [...(body.events ? EVENT_AGES : SESSION_AGES)]
      for (const item of items)
        item[field] = new Date(Date.now() - (item.current ? 0 : (ages.shift() ?? 30 * DAY)) * 60_000).toISOString()
      await route.fulfill({ response, json: body })
    })
}
