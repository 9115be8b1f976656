import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { Device, FIREFOX, IPAD, IPHONE } from '../support/device.js'
import { eventually } from '../support/eventually.js'
import { PASSWORD, post } from '../support/people.js'

t.test('three devices: a user lists the sessions, ends one of them, then all others', async t => {
  const test = await buildTestApp(t)
  const { app } = test
  const { app: elsewhere } = await test.another()
  const email = 'ada@example.com'
  await post(app, '/auth/register', { email, password: PASSWORD, transport: 'body', remember: false })
  const laptop = new Device(app, FIREFOX)
  const phone = new Device(app, IPHONE)
  const tablet = new Device(app, IPAD)
  for (const device of [laptop, phone, tablet]) t.equal((await device.logIn(email, PASSWORD)).statusCode, 200)

  // The user lists the sessions: every device by its name, and which one is the current one.
  const list = async () =>
    (await laptop.get('/auth/sessions')).json().map((session: { device: object; current: boolean }) => ({
      ...session.device,
      current: session.current,
    }))
  const listed = await list()
  t.strictSame(listed.slice(0, 3), [
    { browser: 'Safari', os: 'iOS', kind: 'tablet', current: false },
    { browser: 'Safari', os: 'iOS', kind: 'mobile', current: false },
    { browser: 'Firefox', os: 'Windows', kind: 'desktop', current: true },
  ])

  // The phone is lost. One request ends its session: its cookie, and its access token here at once and soon at every
  // other instance.
  t.equal(await phone.verified(elsewhere), 200)
  t.equal((await laptop.delete(`/auth/sessions/${phone.sessionId}`)).statusCode, 204)
  t.equal(await phone.verified(), 'token_revoked')
  await eventually(async () => {
    if ((await phone.verified(elsewhere)) !== 'token_revoked') throw new Error('the other instance does not know yet')
  })
  t.match((await phone.refresh()).json(), { status: 401, code: 'session_revoked' })
  t.equal(await tablet.verified(), 200, 'no other session is affected')
  t.match((await laptop.delete(`/auth/sessions/${phone.sessionId}`)).json(), { status: 404, code: 'session_not_found' })

  // To be sure, the user ends all other sessions.
  t.equal((await laptop.delete('/auth/sessions/others')).statusCode, 204)
  t.equal(await tablet.verified(), 'token_revoked')
  t.match((await tablet.refresh()).json(), { status: 401, code: 'session_revoked' })
  t.strictSame(await list(), [{ browser: 'Firefox', os: 'Windows', kind: 'desktop', current: true }])
  t.equal((await laptop.refresh()).statusCode, 200, 'this one goes on')

  // The events say why the tablet was signed out, also on the tablet after a new sign-in.
  t.equal((await tablet.logIn(email, PASSWORD)).statusCode, 200)
  const { events } = (await tablet.get('/auth/events')).json()
  const ends = events.filter(({ type }: { type: string }) => type === 'session_revoked')
  t.equal(ends.length, 3, 'the phone, the tablet and the session of the registration')
  for (const end of ends) t.match(end, { actor: 'user', device: { browser: 'Firefox', os: 'Windows' } })
})
