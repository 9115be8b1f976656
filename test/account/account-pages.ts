import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import type { Test } from 'tap'
import { startChromium } from '../browser/chromium.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { findFreePort } from '../support/free-port.js'
import { PASSWORD } from '../support/people.js'

/** A browser, and the service with its account page. */
export interface AccountPages extends TestApp {
  origin: string
  browser: Browser
  /** A person's browser, with its own cookies. */
  newContext(options?: BrowserContextOptions): Promise<BrowserContext>
  /**
   * Opens the page in a tab and waits until it shows a form or the sessions.
   *
   * @param address what follows `/account`
   */
  open(context: BrowserContext, address?: string): Promise<Page>
}

export const ADA = { email: 'ada@example.com', password: PASSWORD }
export const NEW_PASSWORD = 'nanoseconds of wire'

/**
 * Starts the service and a browser. The test fails if a page breaks its policy or throws an error.
 *
 * @param settings environment variables, as an operator sets them
 */
export async function openAccountPages(t: Test, settings: NodeJS.ProcessEnv = {}): Promise<AccountPages> {
  const port = await findFreePort()
  const origin = `http://localhost:${port}`
  const [test, browser] = await Promise.all([buildTestApp(t, { PUBLIC_ORIGIN: origin, ...settings }), startChromium(t)])
  await test.app.listen({ host: '127.0.0.1', port })
  return {
    ...test,
    origin,
    browser,
    async newContext(options) {
      const context = await browser.newContext({ locale: 'en', ...options })
      context.setDefaultTimeout(20_000)
      context.on('weberror', error => t.fail(`the page throws ${error.error()}`))
      context.on('console', message => {
        if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) t.fail(message.text())
      })
      return context
    },
    async open(context, address = '') {
      const page = await context.newPage()
      await page.goto(`${origin}${test.config.publicPath}/account${address}`)
      await page.locator('form, .session').first().waitFor()
      return page
    },
  }
}

/** Types into the fields of a form, by their names, and sends it. */
export async function fillIn(page: Page, fields: Record<string, string>): Promise<void> {
  for (const [name, value] of Object.entries(fields)) await page.locator(`[name=${name}]`).fill(value)
  await page.locator('form [type=submit]').click()
}

/** Signs Ada in with the form. */
export async function signInAsAda(page: Page, password = ADA.password): Promise<void> {
  await fillIn(page, { username: ADA.email, password })
  await page.locator('.session').first().waitFor()
}

/** Checks which element gets the focus: a field by its name, another one by its text. */
export async function checkFocus(
  t: Test,
  page: Page,
  name: string,
  message = `the focus is on ${name}`,
): Promise<void> {
  const read = () => {
    const { document } = globalThis as never as { document: { activeElement: { name?: string; innerText: string } } }
    return document.activeElement.name || document.activeElement.innerText
  }
  for (let i = 0; i < 50 && (await page.evaluate(read)) !== name; i++) await page.waitForTimeout(100)
  t.equal(await page.evaluate(read), name, message)
}
