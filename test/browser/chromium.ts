import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import type { Test } from 'tap'
import { skipWithout } from '../support/skip-without.js'

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium'

export const skip = skipWithout(
  existsSync(CHROMIUM),
  `${CHROMIUM} does not exist: install Debian's chromium, or set CHROMIUM`,
)

/** Starts a browser, which is closed at the end of the test. */
export async function startChromium(t: Test): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
  })
  t.teardown(() => browser.close())
  return browser
}
