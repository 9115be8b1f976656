import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AuthClient } from '@latchkey/client'
import { build } from 'esbuild'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import type { Test } from 'tap'
import { startChromium } from '../browser/chromium.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { findFreePort } from '../support/free-port.js'
import { PASSWORD } from '../support/people.js'

declare global {
  /** In the pages of these tests. */
  var client: AuthClient
  /** What `onChange` was called with: the e-mail address, or null. */
  var changes: (string | null)[]
  var createAuthClient: typeof import('@latchkey/client').createAuthClient
}

/** A browser, and the service at its public origin, where a page with the client is too. */
export interface ClientPages extends TestApp {
  browser: Browser
  context: BrowserContext
  origin: string
  /**
   * Opens a tab with the page.
   *
   * @param options with `clock` the test moves the clocks and the timers of the page
   */
  open(context?: BrowserContext, options?: { clock?: boolean }): Promise<Page>
  newContext(): Promise<BrowserContext>
  /** Each request of a page to the service: its method, path and status. */
  requests: string[]
}

export const ADA = { email: 'ada@example.com', password: PASSWORD }

/** @param more statements of a module that the page loads with the client */
export async function openClientPages(t: Test, settings: NodeJS.ProcessEnv = {}, more?: string): Promise<ClientPages> {
  const port = await findFreePort()
  const origin = `http://localhost:${port}`
  const [test, script, browser] = await Promise.all([
    buildTestApp(t, { PUBLIC_ORIGIN: origin, ...settings }),
    bundleClient(more),
    startChromium(t),
  ])
  await listenWithPage(t, test.app, port, script)
  const requests: string[] = []
  const newContext = async () => {
    const context = await browser.newContext()
    context.on('response', response => {
      const { pathname } = new URL(response.url())
      if (pathname.startsWith('/auth')) requests.push(`${response.request().method()} ${pathname} ${response.status()}`)
    })
    return context
  }
  const context = await newContext()
  return {
    ...test,
    browser,
    context,
    origin,
    requests,
    newContext,
    async open(own = context, { clock = false } = {}) {
      const page = await own.newPage()
      if (clock) await page.clock.install()
      await page.goto(`${origin}/page`)
      await page.waitForFunction(() => globalThis.client !== undefined)
      return page
    },
  }
}

/**
 * The service, and beside it the page and its script, as behind a gateway.
 *
 * @param disturb handles a request to the service in place of it, if it returns true
 */
export async function listenWithPage(
  t: Test,
  app: TestApp['app'],
  port: number,
  script: string,
  disturb?: (request: IncomingMessage, response: ServerResponse) => boolean,
): Promise<void> {
  await app.ready()
  const server = createServer((request, response) => {
    if (request.url === '/page') response.setHeader('content-type', 'text/html').end(PAGE)
    else if (request.url === '/client.js') response.setHeader('content-type', 'text/javascript').end(script)
    else if (!disturb?.(request, response)) app.routing(request, response)
  })
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  t.teardown(() => server.close())
}

const PAGE = `<!doctype html><title>A page</title><script type="module">
  import { createAuthClient } from '/client.js'
  globalThis.createAuthClient = createAuthClient
  globalThis.changes = []
  globalThis.client = createAuthClient()
  client.onChange(user => changes.push(user && user.email))
</script>`

/**
 * The client as a page would load it.
 *
 * @param more statements of a module that is loaded with it
 */
export async function bundleClient(more = ''): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: `export { createAuthClient } from '@latchkey/client'\n${more}`, resolveDir: process.cwd() },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    // The sources, not what was built of them.
    tsconfig: 'tsconfig.json',
    define: { 'process.env.NODE_ENV': '"production"' },
    write: false,
    logLevel: 'silent',
  })
  return outputFiles[0]!.text
}

/** Waits until the page knows who is signed in. */
export async function emailOf(page: Page): Promise<string | null> {
  await page.waitForFunction(() => client.user !== undefined)
  return page.evaluate(() => client.user?.email ?? null)
}

/** Makes the page hidden or visible, as a change of tabs does. */
export async function setHidden(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate(hidden => {
    const { document } = globalThis as never as { document: EventTarget }
    Object.defineProperty(document, 'hidden', { value: hidden, configurable: true })
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
  }, hidden)
}
