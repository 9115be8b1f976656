import type { Page } from 'playwright-core'
import t from 'tap'
import { createUser } from '../../src/domain/accounts/administer-users.js'
import { issuePasswordReset } from '../../src/domain/passwords/password-reset.js'
import { skip } from '../browser/chromium.js'
import { signIn, signUp } from '../support/people.js'
import { ADA, checkFocus, fillIn, NEW_PASSWORD, openAccountPages, signInAsAda } from './account-pages.js'

const PHONE = 'Mozilla/5.0 (Android 16; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0'

/** The name under which a password manager saves the password of the form. */
async function savedName(page: Page): Promise<string | undefined> {
  const field = page.locator('form input[type=text][autocomplete=username]')
  return (await field.count()) === 1 && (await field.isHidden()) ? field.inputValue() : undefined
}

t.test('giving up after "This wasn’t me" says what was done, and how to go on', { skip }, async t => {
  const { app, newContext, open } = await openAccountPages(t)
  await signUp(app, ADA.email)
  const page = await open(await newContext())
  await signInAsAda(page)
  const dialog = page.getByRole('dialog')
  const ask = async () => {
    await signIn(app, ADA.email, PHONE)
    await page.reload()
    await page
      .getByRole('button', { name: /This wasn’t me: Signed in/ })
      .first()
      .click()
  }
  const cancel = () => dialog.getByRole('button', { name: 'Cancel' }).click()
  // A closed dialog has no role, and its element stays until the page knows that it was closed.
  const isGone = () => page.locator('dialog').waitFor({ state: 'detached' })
  const pressEscape = () => page.keyboard.press('Escape')
  for (const giveUp of [cancel, pressEscape]) {
    await ask()
    await dialog.getByRole('button', { name: 'Sign out all other devices' }).click()
    await dialog.getByText('Now choose a new password').waitFor()
    await giveUp()
    await isGone()
    await page.getByText(/other devices are signed out.*has not changed.*Change password/).waitFor()
  }

  await ask()
  await cancel()
  await isGone()
  t.equal(await page.getByRole('status').innerText(), '', 'before the first step there is nothing to say')
})

t.test('if the button that opened a dialog is gone, the focus is on the heading above', { skip }, async t => {
  const { app, newContext, open } = await openAccountPages(t)
  await signUp(app, ADA.email)
  await signIn(app, ADA.email, PHONE)
  const page = await open(await newContext())
  await signInAsAda(page)
  await page.getByRole('button', { name: 'Sign out all other devices' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Sign out all other devices' }).click()
  await page.getByText('You are signed in only on this device.').waitFor()
  await checkFocus(t, page, 'Where you are signed in')
})

t.test('a password manager is told whose password a form changes', { skip }, async t => {
  const { app, newContext, open } = await openAccountPages(t)
  const { userId } = await signUp(app, ADA.email)
  await createUser(app.context, { email: 'grace@example.com', username: 'grace' }, 'test').then(
    async ({ temporaryPassword }) => {
      const page = await open(await newContext())
      await fillIn(page, { username: 'grace', password: temporaryPassword })
      await page.getByRole('heading', { name: 'Choose your own password' }).waitFor()
      t.equal(await savedName(page), 'grace', 'in place of a temporary one')
    },
  )
  const email = 'ada+x@example.com'
  for (const written of [email, encodeURIComponent(email)]) {
    const { token } = await issuePasswordReset(app.context, userId, 'test')
    const page = await open(await newContext(), `#reset=${token}&email=${written}`)
    t.equal(await savedName(page), email, 'by a link that names the address')
    await page.getByRole('link', { name: 'Français' }).click()
    await page.getByRole('heading', { name: 'Choisissez' }).waitFor()
    t.equal(await savedName(page), email, 'in another language')
  }
  const page = await open(await newContext())
  await signInAsAda(page)
  await page.getByRole('button', { name: 'Change password' }).click()
  t.equal(await savedName(page), ADA.email, 'of an account')
})

t.test('a link is checked when it is opened, which does not use it up', { skip }, async t => {
  const { app, newContext, origin } = await openAccountPages(t)
  const { userId } = await signUp(app, ADA.email)
  const old = await issuePasswordReset(app.context, userId, 'test')
  const { token } = await issuePasswordReset(app.context, userId, 'test')
  const page = await (await newContext()).newPage()
  for (const address of ['lk_pr_x', old.token]) {
    await page.goto('about:blank')
    await page.goto(`${origin}/account#reset=${address}`)
    await page.getByRole('alert').waitFor()
    t.equal(await page.getByRole('alert').innerText(), 'This link is no longer valid. Ask for a new one.')
    t.equal(await page.locator('form').count(), 0)
  }
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()

  for (let i = 0; i < 2; i++) {
    await page.goto('about:blank')
    await page.goto(`${origin}/account#reset=${token}`)
    await page.locator('[name=new_password]').waitFor()
  }
  t.equal(await page.getByRole('alert').count(), 0, 'nobody is told that a blank password was refused')
  await issuePasswordReset(app.context, userId, 'test')
  await fillIn(page, { new_password: NEW_PASSWORD })
  await page.getByText('This link is no longer valid.').waitFor()
  await checkFocus(t, page, 'Choose a new password', 'also when it became old while the page was open')

  await page.route('**/auth/reset-password', route => route.fulfill({ status: 503 }))
  await page.goto('about:blank')
  await page.goto(`${origin}/account#reset=${token}`)
  await page.locator('[name=new_password]').waitFor()
  t.equal(
    await page.getByText('This link is no longer valid.').count(),
    0,
    'a link that could not be checked is not refused',
  )
})
