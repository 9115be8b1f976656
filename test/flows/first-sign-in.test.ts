import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { asClient } from '../support/clients.js'
import { Device, FIREFOX } from '../support/device.js'

t.test('first sign-in: the temporary password of the administrator has to be changed first', async t => {
  const { app } = await buildTestApp(t)
  const browser = new Device(app, FIREFOX)

  // The administrator makes the account and hands over a temporary password.
  const headers = await asClient(app, 'admin')
  const payload = { email: 'ada@example.com', roles: ['editor'] }
  const made = await app.inject({ method: 'POST', url: '/admin/users', headers, payload })
  t.equal(made.statusCode, 201)
  const { temporary_password: temporary } = made.json()

  // It cannot be used to sign in. Only a request with this password is told that it must be changed.
  t.match((await browser.logIn('ada@example.com', 'a guess')).json(), { status: 401, code: 'invalid_credentials' })
  t.match((await browser.logIn('ada@example.com', temporary)).json(), { status: 403, code: 'password_change_required' })
  t.equal(browser.cookies.size, 0)

  // The change requires the temporary password, refuses it as the new one, and signs the user in.
  const change = (current_password: string, new_password: string) =>
    browser.post('/auth/change-password', { email: 'ada@example.com', current_password, new_password })
  t.match((await change('a guess', 'their own passphrase')).json(), { status: 401, code: 'invalid_credentials' })
  t.match((await change(temporary, temporary)).json(), { status: 422, code: 'password_unchanged' })
  t.match((await change(temporary, 'password123')).json(), { status: 422, code: 'password_too_common' })
  const changed = await change(temporary, 'their own passphrase')
  t.match(changed.json(), { token_type: 'Bearer', user: { email: 'ada@example.com', roles: ['editor'] } })
  t.equal(await browser.verified(), 200)
  t.equal((await browser.refresh()).statusCode, 200)

  // From then on it is an account like any other, and the temporary password is invalid.
  const another = new Device(app, FIREFOX)
  t.match((await another.logIn('ada@example.com', temporary)).json(), { code: 'invalid_credentials' })
  t.equal((await another.logIn('ada@example.com', 'their own passphrase')).statusCode, 200)
})
