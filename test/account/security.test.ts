import { createServer } from 'node:http'
import type { Page } from 'playwright-core'
import t from 'tap'
import { skip } from '../browser/chromium.js'
import { post, signIn, signUp } from '../support/people.js'
import { ADA, openAccountPages, signInAsAda } from './account-pages.js'

/** The parts of a page that the tests use in it. */
interface Dom {
  document: {
    body: { append(...parts: object[]): void; innerHTML: string }
    createElement(name: string): {
      textContent: string
      innerHTML: string
      setAttribute(name: string, value: string): void
    }
    addEventListener(type: string, listener: (event: { violatedDirective: string }) => void): void
  }
}

declare global {
  /** In the pages of this test: set by a script that must not run. */
  var hasRun: boolean | undefined
}

/** The directives that the page breaks from now on. */
async function watchViolations(page: Page): Promise<() => Promise<string[]>> {
  await page.evaluate(() => {
    const all: string[] = []
    Object.assign(globalThis, { violations: all })
    const { document } = globalThis as never as Dom
    document.addEventListener('securitypolicyviolation', event => all.push(event.violatedDirective))
  })
  return () => page.evaluate('violations') as Promise<string[]>
}

t.test('no injected script or style runs, and no text becomes markup', { skip }, async t => {
  const { browser, origin } = await openAccountPages(t)
  // Not the contexts of the fixture, whose console must stay empty.
  const page = await browser.newPage()
  await page.goto(`${origin}/account`)
  await page.locator('form').waitFor()
  const violations = await watchViolations(page)
  const refusals = await page.evaluate(() => {
    const { document } = globalThis as never as Dom
    const attempts: [string, () => void][] = [
      [
        'innerHTML',
        () => {
          document.body.innerHTML = '<img src=x onerror="hasRun = true">'
        },
      ],
      [
        'text of a script',
        () => {
          const script = document.createElement('script')
          script.textContent = 'hasRun = true'
          document.body.append(script)
        },
      ],
      ['a policy', () => (globalThis as never as { trustedTypes: Policies }).trustedTypes.createPolicy('default', {})],
    ]
    const refused: string[] = []
    for (const [name, run] of attempts) {
      try {
        run()
      } catch {
        refused.push(name)
      }
    }
    const style = document.createElement('style')
    style.textContent = 'body { display: none }'
    const link = document.createElement('a')
    link.setAttribute('style', 'color: red')
    document.body.append(style, link)
    return refused
  })
  t.same(refusals.sort(), ['a policy', 'innerHTML', 'text of a script'])
  t.equal(await page.evaluate(() => globalThis.hasRun), undefined)
  t.equal(
    await page.locator('body').evaluate(body => (globalThis as never as Styles).getComputedStyle(body).display),
    'flex',
  )
  t.ok((await violations()).some(directive => directive.startsWith('style-src')))
})

interface Policies {
  createPolicy(name: string, rules: object): void
}

interface Styles {
  getComputedStyle(element: unknown): { display: string }
}

t.test('a name, an e-mail and a browser with markup are text', { skip }, async t => {
  const { app, newContext, open } = await openAccountPages(t, {
    ACCOUNT_NAME: '</title><script>hasRun = true</script>"\'&',
    ACCOUNT_LINKS: '<b>Help</b>=https://example.com/?a=%22%3E&b="onclick=1',
    ACCOUNT_HOME: '/"><script>hasRun=true</script>',
  })
  const email = '"<script>hasRun=true</script>"@example.com'
  const { statusCode } = await post(app, '/auth/register', { email, password: ADA.password })
  const name = statusCode === 201 ? email : ADA.email
  if (statusCode !== 201) await signUp(app, ADA.email)
  const other = await signIn(app, name, '<script>hasRun = true</script>/1.0')
  await app.inject({
    method: 'PATCH',
    url: `/auth/sessions/${other.sessionId}`,
    headers: { authorization: `Bearer ${other.accessToken}` },
    payload: { label: '<img src=x onerror="hasRun=true">' },
  })
  const page = await open(await newContext())
  t.equal(await page.title(), `Sign in – </title><script>hasRun = true</script>"'&`)
  await page.locator('[name=username]').fill(name)
  await page.locator('[name=password]').fill(ADA.password)
  await page.locator('form [type=submit]').click()
  await page.getByRole('heading', { name: '<img src=x onerror="hasRun=true">' }).waitFor()
  t.equal(await page.locator('main script, main img').count(), 0)
  t.equal(await page.evaluate(() => globalThis.hasRun), undefined)
})

t.test('another page cannot frame it', { skip }, async t => {
  const { origin, browser } = await openAccountPages(t)
  const page = await browser.newPage()
  const attacker = createServer((_request, response) =>
    response.setHeader('content-type', 'text/html').end(`<iframe src="${origin}/account"></iframe>`),
  )
  const port = await new Promise<number>(resolve =>
    attacker.listen(0, '127.0.0.1', () => resolve((attacker.address() as { port: number }).port)),
  )
  t.teardown(() => attacker.close())
  await page.goto(`http://localhost:${port}/`)
  const [, frame] = page.frames()
  await frame!.waitForURL(/^(http|chrome-error)/)
  t.match(frame!.url(), /^chrome-error:/, 'the browser shows its own page in place of it')
})

t.test('without JavaScript the page says what it needs, in the language of the browser', { skip }, async t => {
  const { newContext, origin } = await openAccountPages(t)
  const context = await newContext({ javaScriptEnabled: false, locale: 'fr' })
  const page = await context.newPage()
  await page.goto(`${origin}/account`)
  t.match(await page.locator('main').innerText(), 'Cette page a besoin de JavaScript.')
  t.ok(await page.getByText('Español').isVisible())
  t.equal(await page.locator('.late').isVisible(), false)

  const blocked = await (await newContext()).newPage()
  await blocked.route('**/account/en-*.js', route => route.abort())
  await blocked.goto(`${origin}/account`)
  const late = blocked.getByText('This page could not be loaded.')
  t.equal(await late.isVisible(), false)
  await blocked.evaluate('document.getAnimations().forEach(animation => animation.finish())')
  t.ok(await late.isVisible(), 'without its script the page says so too, after some seconds')
  t.ok(await blocked.getByText('Español').isVisible())
})

t.test('the access token is nowhere that another page or a later visitor could read it', { skip }, async t => {
  const { app, newContext, open } = await openAccountPages(t)
  await signUp(app, ADA.email)
  const page = await open(await newContext())
  await signInAsAda(page)
  const kept = await page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])')
  t.equal(kept, '[{},{},""]')
})
