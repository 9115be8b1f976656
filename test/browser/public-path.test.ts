import type { Page, Response } from 'playwright-core'
import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { findFreePort } from '../support/free-port.js'
import { startGateway } from '../support/gateways/start-gateway.js'
import { PASSWORD } from '../support/people.js'
import { listen } from '../support/raw-request.js'
import { skip, startChromium } from './chromium.js'

/** What follows the URL in `proxy_pass`: a slash makes nginx strip the path. */
const STYLES = { 'strips the path': '/', 'passes the path on': '' }

async function tryOut(page: Page, address: string): Promise<string> {
  const block = page.locator('.opblock', { has: page.locator(`[data-path="${address}"]`) })
  await block.locator('.opblock-summary-control').click()
  await block.locator('.try-out__btn').click()
  await block.locator('.execute').click()
  return block.locator('.live-responses-table .response .response-col_status').innerText()
}

for (const [style, rest] of Object.entries(STYLES))
  t.test(`the API page and the refresh cookie work in a browser behind an nginx that ${style}`, { skip }, async t => {
    const port = await findFreePort()
    const origin = `http://localhost:${port}`
    const { app } = await buildTestApp(t, { PUBLIC_ORIGIN: origin, PUBLIC_PATH: '/identity' })
    const upstream = `http://127.0.0.1:${await listen(app)}${rest}`
    const site = `server { listen 127.0.0.1:${port}; location /identity/ { proxy_pass ${upstream}; } }`
    await startGateway(t, 'nginx', site, port)
    const browser = await startChromium(t)
    const page = await browser.newPage()
    const answers: Response[] = []
    page.on('response', answer => answers.push(answer))

    // nginx treats the other addresses alike in both styles.
    for (const address of rest ? ['/docs', '/docs/', '/docs/static/index.html'] : ['/docs']) {
      await page.goto(`${origin}/identity${address}`)
      await page.locator('[data-path="/livez"]').waitFor()
    }
    t.match(await tryOut(page, '/livez'), '200')
    const { status } = await page.evaluate(
      async ([password]) => {
        const headers = { 'content-type': 'application/json' }
        const body = JSON.stringify({ email: 'ada@example.com', password })
        await fetch('/identity/auth/register', { method: 'POST', headers, body })
        return { status: (await fetch('/identity/auth/refresh', { method: 'POST' })).status }
      },
      [PASSWORD],
    )
    t.equal(status, 200, 'the browser sends the cookie back')
    t.ok(answers.length > 5)
    for (const answer of answers) {
      t.ok(answer.status() < 400, `${answer.status()} ${answer.url()}`)
      t.ok(answer.url().startsWith(`${origin}/identity/`), answer.url())
    }
  })
