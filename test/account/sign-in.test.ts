import t from 'tap'
import { createUser } from '../../src/domain/accounts/administer-users.js'
import { issuePasswordReset } from '../../src/domain/passwords/password-reset.js'
import { skip } from '../browser/chromium.js'
import { post, signUp } from '../support/people.js'
import { ADA, checkFocus, fillIn, NEW_PASSWORD, openAccountPages, signInAsAda } from './account-pages.js'

t.test('a person creates an account, signs out and signs in', { skip }, async t => {
  const { newContext, open } = await openAccountPages(t)
  const context = await newContext()
  const page = await open(context)
  await page.getByRole('button', { name: 'Create an account' }).click()
  await checkFocus(t, page, 'Create an account', 'the focus is on the heading of the new view')
  await fillIn(page, { ...ADA, password: 'Sunshine' })
  await page.getByText('among the first that an attacker tries').waitFor()
  await checkFocus(t, page, 'password', 'the focus is on the wrong field')
  t.equal(await page.locator('[name=email]').inputValue(), ADA.email, 'what was typed is kept')
  await fillIn(page, { email: 'ada', password: ADA.password })
  await page.getByText('This is not an e-mail address.').waitFor()
  await fillIn(page, ADA)
  await page.locator('.session').waitFor()
  t.match(await page.locator('.profile').innerText(), ADA.email)
  t.match(await page.locator('.events').innerText(), 'You created the account')

  await page.getByRole('button', { name: 'Sign out', exact: true }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await checkFocus(t, page, 'Sign in')
  await fillIn(page, { username: ADA.email, password: '' })
  t.equal(await page.locator('[aria-invalid]').getAttribute('name'), 'password', 'an empty field is found by the page')
  await fillIn(page, { username: ADA.email, password: 'wrong' })
  t.equal(await page.getByRole('alert').innerText(), 'The name or the password is wrong.')
  await page.getByLabel('Keep me signed in').uncheck()
  await signInAsAda(page)
  const cookies = (await context.cookies()).filter(({ name }) => !name.endsWith('-device'))
  t.ok(cookies.length > 0)
  t.ok(
    cookies.every(({ expires }) => expires === -1),
    'without "keep me signed in" the cookies end with the browser',
  )
  t.notMatch(await page.evaluate('document.cookie'), 'latchkey', 'no script can read the refresh token')
  await page.reload()
  await page.locator('.session').first().waitFor()
})

t.test('who signs in with a temporary password chooses an own one first', { skip }, async t => {
  const { app, newContext, open } = await openAccountPages(t)
  const { temporaryPassword } = await createUser(app.context, { email: ADA.email, username: 'ada' }, 'test')
  for (const [name, isNameOnly] of [
    [ADA.email, false],
    ['ada', true],
  ] as const) {
    const page = await open(await newContext())
    await fillIn(page, { username: name, password: temporaryPassword })
    await page.getByRole('heading', { name: 'Choose your own password' }).waitFor()
    t.equal(await page.locator('[name=email][type=email]').count(), isNameOnly ? 1 : 0)
    const email = isNameOnly ? { email: ADA.email } : undefined
    await fillIn(page, { ...email, new_password: 'short' })
    await page.getByText('too short: at least 8 characters').waitFor()
    if (!isNameOnly) continue
    await fillIn(page, { new_password: NEW_PASSWORD })
    await page.locator('.session').waitFor()
    t.match(await page.locator('.profile').innerText(), `ada · ${ADA.email}`)
  }
})

t.test('a link with a reset token sets a new password, and leaves no trace in the address', { skip }, async t => {
  const { app, newContext, open, origin } = await openAccountPages(t)
  const ada = await signUp(app, ADA.email)
  const { token } = await issuePasswordReset(app.context, ada.userId, 'test')
  const context = await newContext()
  const requests: string[] = []
  context.on('request', request => requests.push(request.url()))
  const page = await open(context, `#reset=${token}`)
  t.equal(page.url(), `${origin}/account`)
  await page.getByRole('link', { name: 'Français' }).click()
  await page.getByRole('heading', { name: 'Choisissez un nouveau mot de passe' }).waitFor()
  t.equal(page.url(), `${origin}/account?lang=fr`)
  await page.getByRole('link', { name: 'English' }).click()
  await page.getByRole('heading', { name: 'Choose a new password' }).waitFor()
  t.notMatch(await page.content(), token, 'the token is not in the document')
  await fillIn(page, { new_password: ADA.email })
  await page.getByText('must not be your e-mail address').waitFor()
  await fillIn(page, { new_password: NEW_PASSWORD })
  await page.locator('.session').waitFor()
  t.equal(await page.locator('.session').count(), 1, 'every other session has ended')
  t.notOk(requests.some(url => url.includes(token)))
  await page.goto(`${origin}/account#reset=${token}`)
  t.match(await page.getByRole('alert').innerText(), 'This link is no longer valid.')
  t.equal(await page.locator('form').count(), 0, 'an old link is found before a password is typed')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.locator('.session').waitFor()
})

t.test('limits, outages and no network are said plainly, and what was typed is kept', { skip }, async t => {
  const { app, newContext, open } = await openAccountPages(t, {
    RATE_LIMIT: 'on',
    RATE_LIMIT_FAILURES_PER_ACCOUNT: '1',
  })
  await signUp(app, ADA.email)
  const context = await newContext()
  const page = await open(context)
  const failure = async () => page.getByRole('alert').innerText()
  const isKept = async () => t.equal(await page.locator('[name=password]').inputValue(), 'wrong')
  await fillIn(page, { username: ADA.email, password: 'wrong' })
  await page.getByText('The name or the password is wrong.').waitFor()
  await fillIn(page, { username: ADA.email, password: 'wrong' })
  await page.getByText(/Try again in \d+ (second|minute)s?\./).waitFor()
  await isKept()

  await context.setOffline(true)
  await fillIn(page, {})
  await page.getByText(/There is no connection\..* What you typed is kept\./).waitFor()
  await isKept()
  await context.setOffline(false)

  await page.route('**/auth/login', route => route.fulfill({ status: 503, body: '<h1>Bad gateway</h1>' }))
  await fillIn(page, {})
  await page.getByText('The service is not available at the moment.').waitFor()
  await isKept()
  await page.unroute('**/auth/login')

  const problem = { code: 'of_a_newer_service', title: 'A sentence of the service.' }
  await page.route('**/auth/login', route =>
    route.fulfill({ status: 403, json: problem, contentType: 'application/problem+json' }),
  )
  await fillIn(page, {})
  await page.getByText(problem.title).waitFor()
  t.equal(await failure(), problem.title)
})

t.test('with REGISTRATION=closed nobody is offered an account', { skip }, async t => {
  const { newContext, open } = await openAccountPages(t, { REGISTRATION: 'closed', DEFAULT_TRANSPORT: 'body' })
  const page = await open(await newContext())
  t.equal(await page.getByText('Create an account').count(), 0)
})

t.test(
  'the refresh token is in a cookie, also with DEFAULT_TRANSPORT=body and below PUBLIC_PATH',
  { skip },
  async t => {
    const { app, newContext, open } = await openAccountPages(t, { DEFAULT_TRANSPORT: 'body', PUBLIC_PATH: '/identity' })
    await post(app, '/auth/register', ADA)
    const context = await newContext()
    const page = await open(context)
    const answered = page.waitForResponse('**/identity/auth/login')
    await signInAsAda(page)
    t.notOk('refresh_token' in (await (await answered).json()))
    t.ok((await context.cookies()).some(({ name, httpOnly }) => name === '__Host-latchkey' && httpOnly))
  },
)
