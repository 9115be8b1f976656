import type { Page, Route } from 'playwright-core'
import t from 'tap'
import { skip } from '../browser/chromium.js'
import { setHidden } from '../client/client-page.js'
import { signIn, signUp } from '../support/people.js'
import { ADA, fillIn, openAccountPages, signInAsAda } from './account-pages.js'

const PHONE = 'Mozilla/5.0 (Android 16; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0'

/** Keeps the requests to a route on their way until they are released. */
async function hold(page: Page, url: string): Promise<{ isHeld: Promise<void>; release(): Promise<void> }> {
  let held: (route: Route) => void
  const route = new Promise<Route>(resolve => {
    held = resolve
  })
  await page.route(url, route => held(route))
  return { isHeld: route.then(() => {}), release: async () => (await route).continue() }
}

t.test('"Try again" waits for as long as Retry-After says, and counts the seconds', { skip }, async t => {
  const { app, newContext, open, origin } = await openAccountPages(t)
  await signUp(app, ADA.email)
  const context = await newContext()
  await signInAsAda(await open(context))
  const limited = { status: 429, headers: { 'retry-after': '40' }, json: { code: 'rate_limited' } }
  await context.route('**/auth/sessions', route => route.fulfill(limited))
  const page = await context.newPage()
  await page.clock.install()
  await page.goto(`${origin}/account`)
  const button = page.getByRole('button', { name: 'Try again' })
  await button.waitFor()
  t.match(await button.innerText(), /^Try again \((40|39|38) seconds\)$/)
  t.equal(await button.getAttribute('aria-disabled'), 'true')
  t.equal(await page.getByRole('alert').count(), 1)
  t.notMatch(await page.getByRole('alert').innerText(), '(', 'a screen reader does not say each second')
  await context.unroute('**/auth/sessions')
  await button.click({ force: true })
  await page.clock.runFor(20_000)
  t.match(await button.innerText(), /^Try again \((20|19|18|17|16|15) seconds\)$/, 'the click did nothing')
  await page.clock.runFor(21_000)
  t.equal(await button.innerText(), 'Try again')
  await button.click()
  await page.locator('.session').first().waitFor()
})

t.test('"5 minutes ago" advances while the page stays open', { skip }, async t => {
  const { app, newContext, open } = await openAccountPages(t)
  await signUp(app, ADA.email)
  await signIn(app, ADA.email, PHONE)
  const context = await newContext()
  await context.clock.install()
  const page = await open(context)
  await signInAsAda(page)
  const [card, event] = [page.locator('.session').nth(1), page.locator('.events li').nth(1)]
  t.match(await card.innerText(), 'Active now')
  t.match(await event.innerText(), 'just now')
  await page.locator('.session .icon').last().click()
  await page.locator('[name=label]').fill('half a name')
  await page.clock.runFor(150_000)
  t.match(await event.innerText(), '2 minutes ago')
  t.match(await card.innerText(), /Last active 2\sminutes\sago/)
  t.equal(await page.locator('[name=label]').inputValue(), 'half a name', 'what is typed stays')
})

t.test('while a sign-in is on its way, its form cannot be left', { skip }, async t => {
  const { app, newContext, open } = await openAccountPages(t)
  await signUp(app, ADA.email)
  const page = await open(await newContext())
  const login = await hold(page, '**/auth/login')
  await fillIn(page, { username: ADA.email, password: ADA.password })
  await login.isHeld
  const other = page.getByRole('button', { name: 'Create an account' })
  t.equal(await other.getAttribute('aria-disabled'), 'true')
  await other.click({ force: true })
  t.ok(await page.getByRole('heading', { name: 'Sign in' }).isVisible())
  await login.release()
  await page.locator('.session').first().waitFor()
})

t.test('Escape and Cancel do not hide a change that is on its way', { skip }, async t => {
  const { app, newContext, open } = await openAccountPages(t)
  await signUp(app, ADA.email)
  const page = await open(await newContext())
  await signInAsAda(page)
  await page.getByRole('button', { name: 'Change password' }).click()
  const change = await hold(page, '**/auth/change-password')
  await fillIn(page, { current_password: 'wrong', new_password: 'nanoseconds of wire' })
  await change.isHeld
  await page.getByRole('button', { name: 'Cancel' }).click({ force: true })
  await page.keyboard.press('Escape')
  t.ok(await page.getByRole('dialog').isVisible())
  await change.release()
  await page.getByText('This is not your current password.').waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
})

t.test('after a later success a failed sign-out is no longer shown', { skip }, async t => {
  const { app, newContext, open } = await openAccountPages(t)
  await signUp(app, ADA.email)
  const page = await open(await newContext())
  await signInAsAda(page)
  await page.route('**/auth/logout', route => route.fulfill({ status: 503 }))
  await page.getByRole('button', { name: 'Sign out', exact: true }).click()
  await page.getByText('The service is not available at the moment.').waitFor()
  await setHidden(page, true)
  await setHidden(page, false)
  await page.getByRole('alert').waitFor({ state: 'detached' })
  t.ok(await page.locator('.session').first().isVisible(), 'the lists were read, so the service can be reached')
})
