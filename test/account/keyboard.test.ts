import type { Page } from 'playwright-core'
import t from 'tap'
import { skip } from '../browser/chromium.js'
import { signIn, signUp } from '../support/people.js'
import { ADA, checkFocus, openAccountPages } from './account-pages.js'

/** The accessible name of the element with the focus. */
function nameOfFocus(page: Page): Promise<string> {
  return page.evaluate(() => {
    const { document } = globalThis as never as { document: { activeElement: Element } }
    const element = document.activeElement as Element & { labels?: { innerText: string }[]; innerText: string }
    return element.getAttribute('aria-label') ?? element.labels?.[0]?.innerText ?? element.innerText
  })
}

/** Presses Tab until the element with this accessible name has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press('Tab')
    if ((await nameOfFocus(page)).startsWith(name)) return
  }
  throw new Error(`Tab never reaches ${name}.`)
}

/** Where the element with the focus is, in pixels. */
async function placeOfFocus(page: Page): Promise<{ x: number; y: number }> {
  const { x, y } = (await page.locator(':focus').boundingBox())!
  return { x, y }
}

interface Element {
  getAttribute(name: string): string | null
}

function outlineOf(element: unknown): string {
  return (globalThis as never as { getComputedStyle(element: unknown): { outlineStyle: string } }).getComputedStyle(
    element,
  ).outlineStyle
}

t.test('every flow works with the keyboard alone', { skip }, async t => {
  const { app, newContext, open } = await openAccountPages(t)
  await signUp(app, ADA.email)
  await signIn(app, ADA.email, 'curl/8.5.0')
  const page = await open(await newContext())
  const { keyboard } = page
  await tabTo(page, 'E-mail or username')
  await keyboard.type(ADA.email)
  await tabTo(page, 'Password')
  await tabTo(page, 'Show: Password')
  await keyboard.press('Space')
  await keyboard.press('Shift+Tab')
  t.equal(await page.locator('[name=password]').getAttribute('type'), 'text')
  await keyboard.type(ADA.password)
  await keyboard.press('Enter')
  await page.locator('.session').first().waitFor()
  await checkFocus(t, page, 'Your account')

  await tabTo(page, 'Change password')
  await keyboard.press('Enter')
  await checkFocus(t, page, 'current_password')
  let before = await placeOfFocus(page)
  for (const name of ['Show: Current password', 'New password', 'Show: New password', 'Cancel', 'Save password']) {
    await keyboard.press('Tab')
    t.equal(await nameOfFocus(page), name)
    const place = await placeOfFocus(page)
    t.ok(place.y > before.y + 20 || place.x > before.x, `${name} is after the one before, for the eyes too`)
    before = place
  }
  await keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await checkFocus(t, page, 'Change password', 'the focus returns after a dialog')

  await tabTo(page, 'Rename curl')
  await keyboard.press('Enter')
  await checkFocus(t, page, 'label')
  await keyboard.type('a script')
  await keyboard.press('Enter')
  await page.getByRole('heading', { name: 'a script' }).waitFor()
  await page.locator('.session .icon:focus').waitFor()
  await tabTo(page, 'Sign out a script')
  await keyboard.press('Enter')
  await page.getByText('a script is signed out.').waitFor()
  t.equal(
    await page.locator(':focus').getAttribute('aria-label'),
    'Sign out lightMyRequest',
    'the focus is on the button of the next card',
  )
  t.not(await page.locator(':focus').evaluate(outlineOf), 'none', 'the focus can be seen')

  await tabTo(page, 'Sign out everywhere')
  await keyboard.press('Enter')
  await checkFocus(t, page, 'Cancel', 'the harmless button has the focus')
  await tabTo(page, 'Sign out everywhere')
  await keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()

  await tabTo(page, 'E-mail or username')
  await keyboard.type(ADA.email)
  await tabTo(page, 'Password')
  await keyboard.type(ADA.password)
  await keyboard.press('Enter')
  await page.locator('.session').first().waitFor()
  await tabTo(page, 'Delete the account')
  await keyboard.press('Enter')
  await checkFocus(t, page, 'current_password')
  await keyboard.type(ADA.password)
  await keyboard.press('Enter')
  await checkFocus(t, page, 'Delete the account', 'the focus is on the heading of the message')
  await tabTo(page, 'Continue')
  await keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await tabTo(page, 'Create an account')
  await keyboard.press('Enter')
  await page.getByLabel('E-mail').waitFor()
})
