import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { Device, FIREFOX, IPHONE } from '../support/device.js'
import { PASSWORD, signUp } from '../support/people.js'

t.test('a change of password ends every session: those of other devices, and copies of a thief', async t => {
  const { app, clock, config } = await buildTestApp(t)
  const { email } = await signUp(app)
  const laptop = new Device(app, FIREFOX)
  const phone = new Device(app, IPHONE)
  for (const device of [laptop, phone]) await device.logIn(email, PASSWORD)

  // A thief has copied the cookies of both. The phone has refreshed since: the thief has its previous token.
  const thiefOfLaptop = laptop.copy()
  const thiefOfPhone = phone.copy()
  await clock.advance(config.refresh.minAgeSeconds + 1)
  t.equal((await phone.refresh()).statusCode, 200)

  // The current password is required, so a stolen session cannot change it.
  const change = (device: Device, current_password: string) =>
    device.post('/auth/change-password', { current_password, new_password: 'a new passphrase of theirs' })
  t.match((await change(thiefOfLaptop, 'a guess')).json(), { status: 401, code: 'invalid_credentials' })

  // The user changes it on the phone, and goes on there with a session that is not derived from what the thief has.
  const before = phone.sessionId
  t.equal((await change(phone, PASSWORD)).statusCode, 200)
  t.not(phone.sessionId, before)
  t.equal(await phone.verified(), 200)

  // All other sessions have ended, and the leeway for lost answers gives the thief no successor.
  for (const device of [laptop, thiefOfLaptop, thiefOfPhone]) {
    t.equal(await device.verified(), 'token_revoked')
    t.match((await device.refresh()).json(), { status: 401, code: 'session_revoked' })
  }
  t.equal(await phone.verified(), 200, 'these attempts did not affect the new session')
  t.equal((await phone.refresh()).statusCode, 200)
  t.equal((await phone.get('/auth/sessions')).json().length, 1)
  t.match((await laptop.logIn(email, PASSWORD)).json(), { code: 'invalid_credentials' })
  t.equal((await laptop.logIn(email, 'a new passphrase of theirs')).statusCode, 200)
})
