import { readFile } from 'node:fs/promises'
import t from 'tap'
import { skip } from '../browser/chromium.js'
import { receiveLetters } from '../support/letters.js'
import { PASSWORD, signUp } from '../support/people.js'
import { ADA, checkFocus, fillIn, openAccountPages, signInAsAda } from './account-pages.js'

const NEW_EMAIL = 'ada.lovelace@example.com'

t.test('a person confirms the address, changes it, saves the data, and deletes the account', { skip }, async t => {
  const test = await openAccountPages(t, { DELIVERY_ALLOWED_NETWORKS: 'loopback' })
  const { letter } = await receiveLetters(t, test)
  await signUp(test.app, ADA.email)
  const page = await test.open(await test.newContext())
  await signInAsAda(page)
  const goOn = () => page.getByRole('button', { name: 'Continue' }).click()
  const profile = page.locator('.profile')

  await profile.getByRole('button', { name: 'Send a letter' }).click()
  await page.getByText('a letter is on its way').waitFor()
  await page.goto((await letter('letter_verify_email')).link)
  await page.getByRole('button', { name: 'Confirm' }).click()
  await page.getByText('Your e-mail address is confirmed.').waitFor()
  await goOn()
  await profile.getByText(ADA.email).waitFor()
  t.notMatch(await profile.innerText(), 'not confirmed', 'the page knows at once that the address is confirmed')

  await profile.getByRole('button', { name: /^Change e.mail address/ }).click()
  await fillIn(page, { new_email: NEW_EMAIL, password: 'wrong' })
  await page.getByText('This is not your current password.').waitFor()
  await checkFocus(t, page, 'password')
  await fillIn(page, { password: PASSWORD })
  await page.getByText('a letter is on its way').waitFor()
  await page.goto((await letter('letter_confirm_email')).link)
  await page.getByRole('button', { name: 'Confirm' }).click()
  await page.getByText('Your e-mail address was changed.').waitFor()
  await page.reload()
  await profile.getByText(NEW_EMAIL).waitFor()

  const downloading = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download your data' }).click()
  const download = await downloading
  t.match(download.suggestedFilename(), /^account-\d{4}-\d\d-\d\d\.json$/)
  const exported = JSON.parse(await readFile(await download.path(), 'utf8'))
  t.equal(exported.account.email, NEW_EMAIL)

  await page.getByRole('button', { name: 'Delete the account' }).click()
  t.match(await page.getByRole('dialog').innerText(), 'deleted in 14 days')
  await fillIn(page, { current_password: 'not the password' })
  await page.getByRole('dialog').getByText('This is not your current password.').waitFor()
  const otherTab = await test.open(page.context())
  await fillIn(page, { current_password: PASSWORD })
  await page.getByText(/^Your account is deleted on .* To keep it, sign in before that\.$/).waitFor()
  await otherTab.getByRole('heading', { name: 'Sign in' }).waitFor()
  await goOn()
  await fillIn(page, { username: NEW_EMAIL, password: PASSWORD })
  await page.getByText('You signed in, so your account is not deleted.').waitFor()
  await goOn()
  await page.locator('.events').getByText('The account is kept').waitFor()
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
