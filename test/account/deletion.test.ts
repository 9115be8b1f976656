import { readFile } from 'node:fs/promises'
import t from 'tap'
import { skip } from '../browser/chromium.js'
import { PASSWORD, signUp } from '../support/people.js'
import { ADA, fillIn, openAccountPages, signInAsAda } from './account-pages.js'

t.test('the owner downloads the data, deletes the account, and keeps it by a sign-in', { skip }, async t => {
  const { app, newContext, open } = await openAccountPages(t)
  await signUp(app, ADA.email)
  const context = await newContext()
  const page = await open(context)
  await signInAsAda(page)
  const otherTab = await open(context)

  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download your data' }).click(),
  ])
  const data = JSON.parse(await readFile(await download.path(), 'utf8'))
  t.match(data, { account: { email: ADA.email }, sessions: [{}, {}], events: [{ type: 'account_exported' }] })

  await page.getByRole('button', { name: 'Delete the account' }).click()
  await fillIn(page, { current_password: 'not the password' })
  await page.getByRole('dialog').getByText('This is not your current password.').waitFor()
  await fillIn(page, { current_password: PASSWORD })
  await page.getByText('To keep it, sign in before that.').waitFor()
  await otherTab.getByRole('heading', { name: 'Sign in' }).waitFor()

  await page.getByRole('button', { name: 'Continue' }).click()
  await fillIn(page, { username: ADA.email, password: PASSWORD })
  await page.getByText('You signed in, so your account is not deleted.').waitFor()
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.locator('.session').first().waitFor()
})

t.test('without a delay the account is gone', { skip }, async t => {
  const { app, newContext, open } = await openAccountPages(t, { ACCOUNT_DELETION_DELAY: '0s' })
  await signUp(app, ADA.email)
  const page = await open(await newContext())
  await signInAsAda(page)
  await page.getByRole('button', { name: 'Delete the account' }).click()
  await page.getByText('Nobody can bring it back.').waitFor()
  await fillIn(page, { current_password: PASSWORD })
  await page.getByText('Your account was deleted.').waitFor()
  await page.getByRole('button', { name: 'Continue' }).click()
  await fillIn(page, { username: ADA.email, password: PASSWORD })
  await page.getByText('The name or the password is wrong.').waitFor()
})
