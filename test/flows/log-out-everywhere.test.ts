import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { Device, FIREFOX, IPHONE } from '../support/device.js'
import { PASSWORD, signUp, verify } from '../support/people.js'

t.test('log out everywhere: every session of the account ends, and no session of another account', async t => {
  const { app, config } = await buildTestApp(t)
  const ada = await signUp(app)
  const eve = await signUp(app)
  const laptop = new Device(app, FIREFOX)
  const phone = new Device(app, IPHONE)
  for (const device of [laptop, phone]) await device.logIn(ada.email, PASSWORD)
  const kept = phone.copy()

  // A logout without a scope ends the session of one device.
  t.equal((await laptop.post('/auth/logout')).statusCode, 204)
  t.notOk(laptop.cookies.has(config.cookie.name))
  t.equal(await laptop.verified(), 'token_revoked', 'its access token too')
  t.equal(await phone.verified(), 200)

  // With the scope `all` it ends all of them.
  t.equal((await laptop.logIn(ada.email, PASSWORD)).statusCode, 200)
  t.equal((await phone.post('/auth/logout', { scope: 'all' })).statusCode, 204)
  t.notOk(phone.cookies.has(config.cookie.name))
  for (const device of [laptop, kept]) {
    t.equal(await device.verified(), 'token_revoked')
    t.match((await device.refresh()).json(), { status: 401, code: 'session_revoked' })
  }
  t.equal(await verify(app, ada.accessToken), 'token_revoked', 'the session of the registration too')
  t.equal(await verify(app, eve.accessToken), 200)

  // The user signs in again, and has one session.
  t.equal((await laptop.logIn(ada.email, PASSWORD)).statusCode, 200)
  t.equal((await laptop.get('/auth/sessions')).json().length, 1)
})
