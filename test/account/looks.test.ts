import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Page, Response } from 'playwright-core'
import t, { type Test } from 'tap'
import { issuePasswordReset } from '../../src/domain/passwords/password-reset.js'
import { skip } from '../browser/chromium.js'
import { setHidden } from '../client/client-page.js'
import { receiveLetters } from '../support/letters.js'
import { post, signIn, signUp } from '../support/people.js'
import { ADA, fillIn, openAccountPages, signInAsAda } from './account-pages.js'

const LANGUAGES = ['en', 'fr', 'es']
/** The views that axe, which is slow, checks in the other languages too. */
const WITH_MOST_WORDS = ['sign-in', 'a refused registration', 'the account']
const PHONE = 'Mozilla/5.0 (Android 16; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0'
const LONG = `${'a'.repeat(60)}@${'letters.'.repeat(20)}example.com`

declare const axe: {
  run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }>
}
const axeSource = readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe finds wrong with the page as it is. The colours are the same in every language. */
async function checkAccess(t: Test, page: Page, name: string, themes: ('light' | 'dark')[]): Promise<void> {
  await page.evaluate(await axeSource)
  for (const colorScheme of themes) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    const { violations } = await page.evaluate(() => axe.run())
    const found = violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => [id, html, failureSummary]),
    )
    t.same(found, [], `${name}, ${colorScheme}`)
  }
}

/** No view is wider than a small phone, and every target can be met by a finger. */
async function checkWidth(t: Test, page: Page, name: string): Promise<void> {
  const { width, small } = await page.evaluate(() => {
    interface Box {
      width: number
      height: number
    }
    interface Part {
      innerText: string
      scrollWidth: number
      getBoundingClientRect(): Box
    }
    const { document } = globalThis as never as {
      document: { documentElement: Part; querySelectorAll(selector: string): Iterable<Part> }
    }
    const parts = [...document.querySelectorAll('button, a, input:not([type=hidden], [type=checkbox])')]
    const small = parts.filter(part => {
      const { width, height } = part.getBoundingClientRect()
      return width > 0 && (height < 44 || width < 24)
    })
    return { width: document.documentElement.scrollWidth, small: small.map(({ innerText }) => innerText) }
  })
  t.ok(width <= 320, `${name} is ${width} px wide`)
  t.same(small, [], name)
}

t.test('in every view, theme and language axe finds nothing, and 320 px are enough', { skip }, async t => {
  const folder = t.testdir({
    'logo.svg': '<svg xmlns="http://www.w3.org/2000/svg" width="900" height="10"><path d="M0 0h900v10z"/></svg>',
  })
  const test = await openAccountPages(t, {
    DELIVERY_ALLOWED_NETWORKS: 'loopback',
    ACCOUNT_HOME: '/',
    ACCOUNT_NAME: 'The Brass Mill of Ada',
    ACCOUNT_LOGO: `${folder}/logo.svg`,
  })
  const { app, newContext, open } = test
  await receiveLetters(t, test)
  const registered = await post(app, '/auth/register', { email: LONG, password: ADA.password })
  await signIn(app, LONG, PHONE)
  const { sessionId, accessToken } = await signIn(app, LONG, 'curl/8.5.0')
  await app.inject({
    method: 'PATCH',
    url: `/auth/sessions/${sessionId}`,
    headers: { authorization: `Bearer ${accessToken}` },
    payload: { label: 'x'.repeat(100) },
  })
  for (const language of LANGUAGES) {
    const { token } = await issuePasswordReset(app.context, registered.json().user.id, 'test')
    const page = await open(
      await newContext({ viewport: { width: 320, height: 640 } }),
      `?lang=${language}#reset=${token}`,
    )
    const check = async (name: string) => {
      const isChecked = language === 'en' || WITH_MOST_WORDS.includes(name)
      if (isChecked)
        await checkAccess(t, page, `${name}, ${language}`, language === 'en' ? ['light', 'dark'] : ['dark'])
      await checkWidth(t, page, `${name}, ${language}`)
    }
    t.equal(await page.locator('html').getAttribute('lang'), language)
    const [logo, back] = [await page.locator('.brand img').boundingBox(), await page.locator('.site a').boundingBox()]
    t.ok(logo!.x + logo!.width + 16 <= back!.x, `a wide logo leaves room for the link, ${language}`)
    await check('reset')
    await page.goto(`${page.url()}#reset=lk_pr_x`)
    await page.getByRole('alert').waitFor()
    await check('an old link')
    await page.locator('.narrow .primary').click()
    await page.locator('[name=username]').waitFor()
    await page.goto(`${page.url()}#reset=${token}`)
    await page.locator('form button:not([type=submit], .icon)').click()
    await page.locator('[name=username]').waitFor()
    await check('sign-in')
    await fillIn(page, { username: LONG, password: 'wrong' })
    await page.getByRole('alert').waitFor()
    await check('a refused sign-in')
    await page.locator('.other .link').last().click()
    await fillIn(page, { email: 'x', password: 'x' })
    await page.locator('[aria-invalid]').first().waitFor()
    await check('a refused registration')
    await page.locator('.other .link').last().click()
    await fillIn(page, { username: LONG, password: ADA.password })
    await page.locator('.session').first().waitFor()
    await check('the account')
    await page.locator('.session .icon').last().click()
    await check('renaming')
    await page.keyboard.press('Escape')
    for (const [opener, name] of [
      ['.profile .buttons button >> nth=0', 'a new address'],
      ['.profile .buttons button >> nth=1', 'a new password'],
      ['.columns > :last-child .danger', 'the deletion'],
    ] as const) {
      await page.locator(opener).click()
      await page.locator('dialog[open] [type=submit]').click()
      await page.locator('dialog [aria-invalid]').first().waitFor()
      await check(name)
      await page.keyboard.press('Escape')
      await page.locator('dialog').waitFor({ state: 'detached' })
    }
    for (const kind of ['verify', 'email', 'not-me']) {
      await page.goto(`${page.url()}#${kind}=x`)
      await page.locator('.narrow [type=submit]').waitFor()
      await check(kind)
      await page.locator('.narrow form button').first().click()
      await page.locator('.session').first().waitFor()
    }
    await page.locator('.profile .link').click()
    await page.locator('.narrow > .primary').waitFor()
    await check('a message')
    await page.locator('.narrow > .primary').click()
    await page.locator('.session').first().waitFor()
    await page.locator('.events .link').first().click()
    await page.locator('dialog[open]').waitFor()
    await check('not me')
    await page.locator('dialog .danger').click()
    await page.locator('dialog form').waitFor()
    await page.keyboard.press('Escape')
    await page.route('**/auth/sessions', route => route.fulfill({ status: 429, headers: { 'retry-after': '900' } }))
    await setHidden(page, true)
    await setHidden(page, false)
    await page.locator('main > .retry').waitFor()
    await check('old lists')
    await page.reload()
    await page.locator('.narrow .retry').waitFor()
    await check('no lists')
    await page.context().close()
  }
})

declare global {
  /** In the pages of this test: what moved, in parts of the window. */
  var shifts: number
}

t.test('nothing moves while the page and its lists are loaded', { skip }, async t => {
  const { app, newContext, open, origin } = await openAccountPages(t)
  await signUp(app, ADA.email)
  for (let i = 0; i < 15; i++) await signIn(app, ADA.email, PHONE)
  for (const viewport of [
    { width: 390, height: 800 },
    { width: 1280, height: 800 },
  ]) {
    const context = await newContext({ viewport })
    await context.addInitScript(() => {
      globalThis.shifts = 0
      const { PerformanceObserver } = globalThis as never as {
        PerformanceObserver: new (on: (list: Entries) => void) => Observer
      }
      interface Entries {
        getEntries(): { value: number; hadRecentInput: boolean }[]
      }
      interface Observer {
        observe(options: object): void
      }
      new PerformanceObserver(list => {
        for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) globalThis.shifts += value
      }).observe({ type: 'layout-shift', buffered: true })
    })
    const page = await open(context)
    t.ok((await page.evaluate(() => shifts)) < 0.01, 'the form to sign in')
    await signInAsAda(page)
    // Slower than a person is quick: what moves long after a click counts.
    await context.route('**/auth/{sessions,events}*', async route => {
      await new Promise(resolve => setTimeout(resolve, 700))
      await route.continue()
    })
    await page.goto(`${origin}/account`)
    await page.locator('.session').first().waitFor()
    await page.getByRole('button', { name: 'Show more' }).click()
    await page.locator('.events li').nth(12).waitFor()
    const sum = await page.evaluate(() => shifts)
    t.ok(sum < 0.01, `the account at ${viewport.width} px: ${sum}`)
    await context.close()
  }
})

t.test('all files of the page together are small', { skip }, async t => {
  const { newContext, open } = await openAccountPages(t)
  for (const language of LANGUAGES) {
    const context = await newContext()
    const responses: Response[] = []
    context.on('response', response => {
      if (new URL(response.url()).pathname.startsWith('/account')) responses.push(response)
    })
    const page = await open(context, `?lang=${language}`)
    await page.waitForLoadState('networkidle')
    const bodies = await Promise.all(responses.map(response => response.body()))
    const written = Buffer.concat(bodies).length
    const sent = responses.reduce((sum, response) => sum + Number(response.headers()['content-length']), 0)
    t.comment(`${language}: ${sent} bytes are sent, for ${written} bytes of content`)
    t.ok(sent > 5_000 && responses.length > 3)
    t.ok(sent < 30_000, `${sent} bytes are sent`)
    t.ok(written < 60_000, `${written} bytes without compression`)
  }
})
