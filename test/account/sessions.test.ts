import t from 'tap'
import { skip } from '../browser/chromium.js'
import { setHidden } from '../client/client-page.js'
import { signIn, signUp } from '../support/people.js'
import { ADA, checkFocus, fillIn, NEW_PASSWORD, openAccountPages, signInAsAda } from './account-pages.js'

const PHONE = 'Mozilla/5.0 (Android 16; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0'
const TABLET =
  'Mozilla/5.0 (iPad; CPU OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1'

/** What describes a button, as a screen reader says it. */
function describe(button: { getAttribute(name: string): string; ownerDocument: Ids }): string {
  return button.ownerDocument.getElementById(button.getAttribute('aria-describedby')).innerText
}

interface Ids {
  getElementById(id: string): { innerText: string }
}

t.test('a person sees the devices, names one, ends one, and ends all others', { skip }, async t => {
  const { app, newContext, open } = await openAccountPages(t)
  await signUp(app, ADA.email)
  const phone = await signIn(app, ADA.email, PHONE)
  const tablet = await signIn(app, ADA.email, TABLET)
  const page = await open(await newContext())
  await signInAsAda(page)
  const cards = page.locator('.session')
  t.equal(await cards.count(), 4)
  t.match(await cards.first().innerText(), /This device[\s\S]*Active now/)

  const phoneCard = page.locator(`[data-session="${phone.sessionId}"]`)
  t.match(
    await phoneCard.locator('.end').evaluate(describe as never),
    '127.0.0.1',
    'the button is described by the lines of its card',
  )
  t.match(await phoneCard.innerText(), 'Firefox on Android')
  await phoneCard.getByRole('button', { name: 'Rename' }).click()
  await phoneCard.getByLabel('Name of the device').fill('<b>my phone</b>')
  await page.keyboard.press('Enter')
  await phoneCard.getByRole('heading', { name: '<b>my phone</b>' }).waitFor()
  t.match(await phoneCard.innerText(), 'Firefox on Android')
  await phoneCard.getByRole('button', { name: 'Rename' }).click()
  await phoneCard.getByLabel('Name of the device').fill('not this')
  await page.keyboard.press('Escape')
  t.match(await phoneCard.innerText(), '<b>my phone</b>', 'Escape leaves it as it was')

  const tabletCard = page.locator(`[data-session="${tablet.sessionId}"]`)
  await tabletCard.getByRole('button', { name: 'Sign out Safari on iOS' }).click()
  await tabletCard.waitFor({ state: 'detached' })
  t.equal(await page.getByRole('status').first().innerText(), 'Safari on iOS is signed out.')
  await checkFocus(t, page, 'Sign out', 'the focus is not lost with the card')
  const ended = page.locator('.events li').filter({ hasText: 'Safari on iOS was signed out' })
  t.match(await ended.innerText(), 'from Chrome on', 'the activity says which device ended, and which one did it')

  await page.getByRole('button', { name: 'Sign out all other devices' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
  await checkFocus(t, page, 'Sign out all other devices', 'the focus is where it was')
  t.equal(await cards.count(), 3)
  await page.getByRole('button', { name: 'Sign out all other devices' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Sign out all other devices' }).click()
  await page.getByText('You are signed in only on this device.').waitFor()
  t.equal(await cards.count(), 1)
})

t.test('"This wasn’t me" ends all other sessions at once, then asks for a new password', { skip }, async t => {
  const { app, newContext, open } = await openAccountPages(t)
  await signUp(app, ADA.email)
  const page = await open(await newContext())
  await signInAsAda(page)
  t.equal(await page.getByRole('button', { name: 'This wasn’t me' }).count(), 0, 'not for the sign-in of this page')
  const thief = await signIn(app, ADA.email, PHONE)
  await page.reload()
  await page.getByRole('button', { name: /This wasn’t me: Signed in on a new device/ }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Sign out all other devices' }).click()
  await dialog.getByText('Now choose a new password').waitFor()
  const verified = await app.inject({ url: '/auth/verify', headers: { authorization: `Bearer ${thief.accessToken}` } })
  t.equal(verified.statusCode, 401, 'the other session ended before the password is typed')
  await fillIn(page, { current_password: 'wrong', new_password: NEW_PASSWORD })
  await dialog.getByText('This is not your current password.').waitFor()
  await checkFocus(t, page, 'current_password')
  await fillIn(page, { current_password: ADA.password, new_password: NEW_PASSWORD })
  await dialog.waitFor({ state: 'detached' })
  await page.locator('.events').getByText('The password was changed').waitFor()
})

t.test('a person changes the password, and signs out everywhere', { skip }, async t => {
  const { app, newContext, open } = await openAccountPages(t)
  await signUp(app, ADA.email)
  const page = await open(await newContext())
  await signInAsAda(page)
  await page.getByRole('button', { name: 'Change password' }).click()
  await fillIn(page, { current_password: ADA.password, new_password: ADA.password })
  await page.getByText('This is already your password.').waitFor()
  await checkFocus(t, page, 'new_password')
  await fillIn(page, { new_password: NEW_PASSWORD })
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await checkFocus(t, page, 'Change password')
  await page.getByText('Your password was changed.').waitFor()

  const other = await open(await newContext())
  await signInAsAda(other, NEW_PASSWORD)
  await page.getByRole('button', { name: 'Sign out everywhere' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Sign out everywhere' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await setHidden(other, true)
  await setHidden(other, false)
  await other.getByRole('heading', { name: 'Sign in' }).waitFor()
  await other.getByRole('status').getByText('You are signed out.').waitFor()
})

t.test('another tab, and the return to this one, bring the list up to date', { skip }, async t => {
  const { app, newContext, open } = await openAccountPages(t)
  await signUp(app, ADA.email)
  const context = await newContext()
  const [one, two] = [await open(context), await open(context)]
  await signInAsAda(one)
  await two.locator('.session').first().waitFor()
  t.equal(await two.locator('.session').count(), 2, 'a sign-in in one tab signs in the other')
  const phone = await signIn(app, ADA.email, PHONE)
  await setHidden(two, true)
  await setHidden(two, false)
  await two.locator(`[data-session="${phone.sessionId}"]`).waitFor()
  t.equal(await two.locator('.session').count(), 3, 'a sign-in on another device is shown on return')
  await one.getByRole('button', { name: 'Sign out', exact: true }).click()
  await two.getByRole('heading', { name: 'Sign in' }).waitFor()
})

t.test('lists that cannot be read again say so, and what has ended is gone at once', { skip }, async t => {
  const { app, newContext, open } = await openAccountPages(t)
  await signUp(app, ADA.email)
  const others = [await signIn(app, ADA.email, PHONE), await signIn(app, ADA.email, PHONE)]
  const context = await newContext()
  const page = await open(context)
  await signInAsAda(page)
  const [one, two] = others.map(({ sessionId }) => page.locator(`[data-session="${sessionId}"]`))
  t.equal(
    await one!.locator('.end').getAttribute('aria-label'),
    'Sign out Firefox on Android, 127.0.0.1',
    'where two devices have one name, the label says more',
  )
  await page.route('**/auth/sessions', route => route.fulfill({ status: 503 }))
  let requests = 0
  await page.route('**/auth/sessions/*', route => {
    requests++
    return route.continue()
  })
  await one!.locator('.end').dblclick()
  await one!.waitFor({ state: 'detached' })
  t.equal(requests, 1, 'a second click sends nothing')
  await page.getByText('The lists below may be out of date.').waitFor()
  t.notMatch(await page.getByRole('alert').innerText(), 'What you typed')
  await page.unroute('**/auth/sessions')
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.getByRole('alert').waitFor({ state: 'detached' })
  await checkFocus(t, page, 'Where you are signed in')

  await app.inject({ method: 'POST', url: '/auth/logout', headers: bearerOf(others[1]!) })
  await two!.locator('.end').click()
  await two!.waitFor({ state: 'detached' })
  t.equal(await page.getByRole('alert').count(), 0, 'what had ended elsewhere is no failure')

  await context.setOffline(true)
  await setHidden(page, true)
  await setHidden(page, false)
  await page.getByText('There is no connection.').waitFor()
  const phone = await signIn(app, ADA.email, PHONE)
  await context.setOffline(false)
  await page.locator(`[data-session="${phone.sessionId}"]`).waitFor()
  t.equal(await page.getByRole('alert').count(), 0, 'with the network back, the lists are read again')
})

function bearerOf({ accessToken }: { accessToken: string }) {
  return { authorization: `Bearer ${accessToken}` }
}

t.test('older events are loaded on demand, and stay when the list is read again', { skip }, async t => {
  const { app, newContext, open } = await openAccountPages(t)
  await signUp(app, ADA.email)
  for (let i = 0; i < 12; i++) await signIn(app, ADA.email, PHONE)
  const page = await open(await newContext())
  await signInAsAda(page)
  const events = page.locator('.events li')
  t.equal(await events.count(), 10)
  await page.getByRole('button', { name: 'Show more' }).click()
  await page.getByText('You created the account').waitFor()
  t.equal(await events.count(), 14)
  await checkFocus(t, page, await events.nth(10).innerText(), 'the focus is on the first one that was added')
  t.equal(await page.getByRole('button', { name: 'Show more' }).count(), 0)
  await signIn(app, ADA.email, PHONE)
  await setHidden(page, true)
  await setHidden(page, false)
  await events.nth(14).waitFor()
  t.match(await events.last().innerText(), 'You created the account')
})

t.test('a page that cannot find out who is signed in says so, and goes on by a button', { skip }, async t => {
  const { app, newContext, open } = await openAccountPages(t)
  await signUp(app, ADA.email)
  const context = await newContext()
  await signInAsAda(await open(context))
  await context.route('**/auth/refresh', route => route.fulfill({ status: 503 }))
  const page = await context.newPage()
  await page.goto((await context.pages())[0]!.url())
  await page.getByText('The service is not available at the moment.').waitFor()
  await context.unroute('**/auth/refresh')
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.locator('.session').first().waitFor()
})
