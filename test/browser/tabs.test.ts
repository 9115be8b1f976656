import { createServer } from 'node:http'
import type { Browser, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { PASSWORD } from '../support/people.js'
import { skip, startChromium } from './chromium.js'

interface Setting extends TestApp {
  browser: Browser
  origin: string
}

/** A browser, and the service at its configured public origin. */
async function open(t: Test): Promise<Setting> {
  const { findFreePort } = await import('../support/free-port.js')
  const port = await findFreePort()
  const origin = `http://localhost:${port}`
  const test = await buildTestApp(t, { PUBLIC_ORIGIN: origin })
  await test.app.listen({ port, host: '127.0.0.1' })
  const browser = await startChromium(t)
  return { ...test, browser, origin }
}

/** Calls the service as a script in the page does. */
function call(page: Page, path: string, body?: object): Promise<{ status: number }> {
  return page.evaluate(
    async ([path, body]) => {
      const response = await fetch(path as string, {
        method: 'POST',
        ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      })
      return { status: response.status }
    },
    [path, body] as const,
  )
}

t.test('two tabs that refresh at the same time both succeed', { skip }, async t => {
  const { browser, origin, clock } = await open(t)
  const context = await browser.newContext()
  const [first, second] = [await context.newPage(), await context.newPage()]
  for (const page of [first, second]) await page.goto(`${origin}/docs`)
  t.match(await call(first, '/auth/register', { email: 'ada@example.com', password: PASSWORD }), { status: 201 })
  t.equal(await first.evaluate('document.cookie'), '', 'scripts cannot read the cookie')

  for (let round = 0; round < 3; round++) {
    await clock.advance(31)
    const answers = await Promise.all([first, second, first, second].map(page => call(page, '/auth/refresh')))
    t.strictSame(
      answers.map(({ status }) => status),
      [200, 200, 200, 200],
    )
  }
  const [cookie] = await context.cookies(origin)
  t.match(cookie, { name: '__Host-latchkey', httpOnly: true, secure: true, sameSite: 'Strict', path: '/' })
})

t.test('a page of another site cannot sign in, refresh or log out', { skip }, async t => {
  const { browser, origin } = await open(t)
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.goto(`${origin}/docs`)
  await call(page, '/auth/register', { email: 'ada@example.com', password: PASSWORD })

  // 127.0.0.1 is another site than localhost.
  const evil = createServer((_request, response) => response.setHeader('content-type', 'text/html').end('<p>win!</p>'))
  await new Promise<void>(resolve => evil.listen(0, '127.0.0.1', resolve))
  t.teardown(() => evil.close())
  const seen: number[] = []
  const evilPage = await context.newPage()
  evilPage.on('response', response => {
    if (response.url().startsWith(origin)) seen.push(response.status())
  })
  await evilPage.goto(`http://127.0.0.1:${(evil.address() as { port: number }).port}/`)
  for (const path of ['/auth/login', '/auth/refresh', '/auth/logout']) {
    await evilPage.evaluate(
      ([url]) =>
        fetch(url!, { method: 'POST', credentials: 'include', mode: 'no-cors', body: '{}' }).then(
          () => {},
          () => {},
        ),
      [origin + path],
    )
  }
  await evilPage.setContent(`<form method="post" action="${origin}/auth/logout"></form>`)
  await Promise.all([evilPage.waitForNavigation(), evilPage.evaluate('document.forms[0].submit()')])
  t.ok(seen.length > 0)
  t.ok(
    seen.every(status => status >= 400),
    seen.join(' '),
  )
  t.match(await call(page, '/auth/refresh'), { status: 200 }, 'the session is still valid')
})
