import { existsSync } from 'node:fs'
import { type Browser, type BrowserContext, chromium } from 'playwright-core'
import type { Test } from 'tap'
import { skipWithout } from '../support/skip-without.js'

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium'

export const skip = skipWithout(
  existsSync(CHROMIUM),
  `${CHROMIUM} does not exist: install Debian's chromium, or set CHROMIUM`,
)

const launch = {
  executablePath: CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
}

/** Starts a browser, which is closed at the end of the test. Playwright turns its back-forward cache off. */
export async function startChromium(t: Test, { withBackForwardCache = false } = {}): Promise<Browser> {
  const browser = await chromium.launch({
    ...launch,
    ...(withBackForwardCache && { ignoreDefaultArgs: ['--disable-back-forward-cache'] }),
  })
  t.teardown(() => browser.close())
  return browser
}

/** Starts a browser with a profile in a folder, as a person's browser has one. */
export async function startChromiumWithProfile(t: Test, folder: string): Promise<BrowserContext> {
  const context = await chromium.launchPersistentContext(folder, launch)
  t.teardown(() => context.close())
  return context
}
