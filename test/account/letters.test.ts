import t from 'tap'
import { skip } from '../browser/chromium.js'
import { receiveLetters } from '../support/letters.js'
import { PASSWORD, signIn, signUp, verify } from '../support/people.js'
import { ADA, checkFocus, fillIn, NEW_PASSWORD, openAccountPages, signInAsAda } from './account-pages.js'

const LETTERS = { DELIVERY_ALLOWED_NETWORKS: 'loopback' }

t.test('a person registers, confirms the address with the link, and signs in', { skip }, async t => {
  const test = await openAccountPages(t, { ...LETTERS, REGISTRATION: 'verified' })
  const { letter } = await receiveLetters(t, test)
  const page = await test.open(await test.newContext())
  await page.getByRole('button', { name: 'Create an account' }).click()
  t.equal(await page.locator('[name=remember]').count(), 0, 'nobody is signed in by that')
  await fillIn(page, ADA)
  await page.getByText('a letter is on its way').waitFor()

  const { link } = await letter('letter_registration')
  await page.goto('about:blank')
  await page.goto(link)
  await page.getByRole('heading', { name: 'Confirm your e‑mail address' }).waitFor()
  t.notMatch(page.url(), /lk_rg_/, 'the token is not left in the address')
  await page.getByRole('button', { name: 'Confirm' }).click()
  await page.getByText('Your e-mail address is confirmed.').waitFor()
  await checkFocus(t, page, 'Confirm your e‑mail address', 'the message stays until the person has read it')
  await page.getByRole('button', { name: 'Continue' }).click()
  await fillIn(page, { username: ADA.email, password: PASSWORD })
  await page.locator('.session').first().waitFor()

  await page.goto('about:blank')
  await page.goto(link)
  await page.getByRole('button', { name: 'Confirm' }).click()
  await page.getByText('This link is no longer valid. Ask for a new one.').waitFor()
})

t.test(
  'with a webhook that takes letters, a person asks for a new password, and sets it with the link',
  { skip },
  async t => {
    const test = await openAccountPages(t, LETTERS)
    const { letter } = await receiveLetters(t, test)
    await signUp(test.app, ADA.email)
    const page = await test.open(await test.newContext())
    await page.getByRole('button', { name: 'Forgot your password?' }).click()
    await fillIn(page, { email: ADA.email })
    await page.getByText('a letter is on its way').waitFor()
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('button', { name: 'Forgot your password?' }).waitFor()
    await page.goto((await letter('letter_password_reset')).link)
    await fillIn(page, { new_password: NEW_PASSWORD })
    await page.locator('.session').first().waitFor()
  },
)

t.test('the link of a notice ends all sessions when the person confirms it, and not before', { skip }, async t => {
  const test = await openAccountPages(t, LETTERS)
  const { letter } = await receiveLetters(t, test)
  await signUp(test.app, ADA.email)
  const thief = await signIn(
    test.app,
    ADA.email,
    'Mozilla/5.0 (Android 16; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0',
  )
  await test.app.context.background.settled()
  const page = await (await test.newContext()).newPage()
  await page.goto((await letter('letter_new_device')).link)
  await page.getByRole('link', { name: 'Français' }).click()
  await page.getByRole('heading', { name: 'Si ce n’était pas vous' }).waitFor()
  t.notMatch(await page.content(), /lk_nm_/, 'a change of the language keeps the token, which is not in the document')
  await page.getByRole('link', { name: 'English' }).click()
  await page.getByRole('heading', { name: 'If this wasn’t you' }).waitFor()
  t.equal(await verify(test.app, thief.accessToken), 200)
  await page.getByRole('button', { name: 'This wasn’t me' }).click()
  await page.getByText('All devices are signed out.').waitFor()
  t.equal(await verify(test.app, thief.accessToken), 'token_revoked')
  t.equal((await letter('letter_password_reset')).to, ADA.email)
})

t.test('a person changes the address, and undoes it with the link of the letter to the old one', { skip }, async t => {
  const test = await openAccountPages(t, LETTERS)
  const { letter } = await receiveLetters(t, test)
  await signUp(test.app, ADA.email)
  const page = await test.open(await test.newContext())
  await signInAsAda(page)
  await page.getByRole('button', { name: /^Change e.mail address/ }).click()
  await fillIn(page, { new_email: 'ada@new.example.com', password: PASSWORD })
  await page.getByText('a letter is on its way').waitFor()
  await page.goto('about:blank')
  await page.goto((await letter('letter_confirm_email')).link)
  await page.getByRole('button', { name: 'Confirm' }).click()
  await page.getByText('Your e-mail address was changed.').waitFor()

  const notice = await letter('letter_email_changed')
  t.equal(notice.to, ADA.email)
  await page.goto('about:blank')
  await page.goto(notice.link)
  await page.getByText('Your account gets the address again that this letter was sent to.').waitFor()
  await page.getByRole('button', { name: 'This wasn’t me' }).click()
  await page.getByText('All devices are signed out.').waitFor()
  t.equal((await letter('letter_password_reset')).to, ADA.email)
})

t.test('a letter that a person asks for is in the language of the page', { skip }, async t => {
  const test = await openAccountPages(t, { ...LETTERS, SMTP_URL: 'smtp://127.0.0.1:9', MAIL_FROM: 'a@example.com' })
  const { letter } = await receiveLetters(t, test)
  await signUp(test.app, ADA.email)
  const page = await test.open(await test.newContext(), '?lang=fr')
  await page.getByRole('button', { name: 'Mot de passe oublié' }).click()
  await fillIn(page, { email: ADA.email })
  await page.getByText('un message est en route').waitFor()
  t.equal((await letter('letter_password_reset')).language, 'fr')
})
