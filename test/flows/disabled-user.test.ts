import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { asClient } from '../support/clients.js'
import { Device, FIREFOX, IPHONE } from '../support/device.js'
import { PASSWORD, signUp } from '../support/people.js'

t.test('a disabled user cannot sign in, refresh or verify, and has to sign in again when enabled', async t => {
  const { app, clock, config } = await buildTestApp(t)
  const ada = await signUp(app)
  const admin = await asClient(app, 'admin')
  const administer = (action: string) =>
    app.inject({ method: 'POST', url: `/admin/users/${ada.userId}/${action}`, headers: admin })
  const laptop = new Device(app, FIREFOX)
  const phone = new Device(app, IPHONE)
  for (const device of [laptop, phone]) await device.logIn(ada.email, PASSWORD)
  await clock.advance(config.refresh.minAgeSeconds + 1)
  const parent = phone.copy()
  t.equal((await phone.refresh()).statusCode, 200)

  t.equal((await administer('disable')).statusCode, 204)
  for (const device of [laptop, phone, parent]) {
    t.equal(await device.verified(), 'token_revoked')
    t.match((await device.refresh()).json(), { status: 401, code: 'user_disabled' })
    t.equal((await device.get('/auth/profile')).statusCode, 401)
  }
  // A sign-in attempt does not show that the account exists.
  const refused = await new Device(app, FIREFOX).logIn(ada.email, PASSWORD)
  const unknown = await new Device(app, FIREFOX).logIn('nobody@example.com', PASSWORD)
  const alike = ({ status, code, title }: Record<string, unknown>) => ({ status, code, title })
  t.strictSame(alike(refused.json()), alike(unknown.json()))
  t.match(refused.json(), { status: 401, code: 'invalid_credentials' })

  // Enabling the user does not restore any session.
  t.equal((await administer('enable')).statusCode, 204)
  for (const device of [laptop, phone]) {
    t.equal(await device.verified(), 'token_revoked')
    t.match((await device.refresh()).json(), { status: 401, code: 'session_revoked' })
  }
  t.equal((await laptop.logIn(ada.email, PASSWORD)).statusCode, 200)
  t.equal(await laptop.verified(), 200)
})
