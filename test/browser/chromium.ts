import { existsSync } from 'node:fs'
import { type Browser, type BrowserContext, chromium } from 'playwright-core'
import tap, { type Test } from 'tap'
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

/** The browser of a test file, which takes a second to start. */
let shared: Promise<Browser> | undefined

/**
 * A browser without cookies. The tests of a file share its process; what a test opens in it is closed at its end.
 *
 * @param options Playwright turns the back-forward cache off, unless a process with one is asked for
 */
export async function startChromium(t: Test, { withBackForwardCache = false } = {}): Promise<Browser> {
  if (withBackForwardCache) {
    const browser = await chromium.launch({ ...launch, ignoreDefaultArgs: ['--disable-back-forward-cache'] })
    t.teardown(() => browser.close())
    return browser
  }
  if (!shared) {
    shared = chromium.launch(launch)
    tap.teardown(async () => (await shared)?.close())
  }
  const browser = await shared
  t.teardown(() => Promise.all(browser.contexts().map(context => context.close())))
  return browser
}

/** Starts a browser with a profile in a folder, as a person's browser has one. */
export async function startChromiumWithProfile(t: Test, folder: string): Promise<BrowserContext> {
  const context = await chromium.launchPersistentContext(folder, launch)
  t.teardown(() => context.close())
  return context
}
