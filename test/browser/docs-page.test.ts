import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { findFreePort } from '../support/free-port.js'
import { skip, startChromium } from './chromium.js'

/** Sends a request with what the page offers, and returns the status that the page shows. */
async function tryOut(page: Page, operationId: string): Promise<string> {
  const block = page.locator(`.opblock[id$="-${operationId}"]`)
  await block.locator('.opblock-summary-control').click()
  await block.locator('.try-out__btn').click()
  await block.locator('.execute').click()
  const status = block.locator('.live-responses-table .response .response-col_status')
  await status.waitFor({ timeout: 10_000 })
  const shown = await status.innerText()
  await screenshot(page, operationId)
  await block.locator('.opblock-summary-control').click()
  return shown.split('\n')[0]!
}

const OPERATIONS = [
  ['register', '201'],
  ['logIn', '200'],
  ['refreshTokens', '200'],
  ['listSessions', '200'],
  ['changePassword', '200'],
  ['logOut', '204'],
] as const

for (const [host, operations] of [
  ['127.0.0.1', OPERATIONS],
  // The cookie is what depends on the host: the first operation sets it, and the last one needs it.
  ['localhost', OPERATIONS.filter(([id]) => id === 'register' || id === 'refreshTokens')],
] as const)
  t.test(`on http://${host}, a person can try the API with the bodies that the page offers`, { skip }, async t => {
    const port = await findFreePort()
    const { app } = await buildTestApp(t, { PUBLIC_ORIGIN: `http://localhost:${port}` })
    await app.listen({ host: '127.0.0.1', port })
    const browser = await startChromium(t)
    const page = await browser.newPage({ viewport: { width: 1280, height: 1600 } })
    const problems: string[] = []
    page.on('console', message => message.type() === 'error' && problems.push(message.text()))
    page.on('pageerror', error => problems.push(error.message))
    await page.goto(`http://${host}:${port}/docs`)
    await page.locator('.opblock').first().waitFor()
    t.equal(await page.title(), 'Latchkey API')
    const groups = await page.locator('.opblock-tag').allInnerTexts()
    t.match(groups[0], 'Sign in', 'a person begins with this group')
    await screenshot(page, `${host}-page`)

    for (const [operationId, status] of operations) t.equal(await tryOut(page, operationId), status, operationId)
    t.same(problems, [], 'the browser reports nothing, in particular no violation of the policy')
    if (host === 'localhost') await t.test('the page goes on after a refused client', t => checkRefusedClients(t, page))
  })

/** Sends the requests for which browsers show their own sign-in window if the answer asks for a client's secret. */
async function checkRefusedClients(t: Test, page: Page): Promise<void> {
  const required = { getToken: ['grant_type', 'client_credentials'], introspectToken: ['token', 'a token'] } as const
  for (const [operationId, [field, value]] of Object.entries(required)) {
    const block = page.locator(`.opblock[id$="-${operationId}"]`)
    await block.locator('.opblock-summary-control').click()
    await block.locator('.try-out__btn').click()
    await block.locator(`tr[data-property-name="${field}"] input[type=text]`).first().fill(value)
    await block.locator('.execute').click()
    const status = block.locator('.live-responses-table .response .response-col_status')
    await status.waitFor({ timeout: 10_000 })
    t.match(await status.innerText(), /^40[01]/, operationId)
    await block.locator('.opblock-summary-control').click()
  }
}

/** Keeps a picture for a person to look at, if SCREENSHOTS names a folder. */
async function screenshot(page: Page, name: string): Promise<void> {
  const folder = process.env.SCREENSHOTS
  if (folder) await page.screenshot({ path: `${folder}/docs-${name}.png` })
}
