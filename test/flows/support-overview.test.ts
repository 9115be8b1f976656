import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { asClient } from '../support/clients.js'
import { Device, FIREFOX, IPHONE } from '../support/device.js'
import { PASSWORD, signUp } from '../support/people.js'

t.test('support sees whether an account is locked, its last sign-in and the number of its sessions', async t => {
  const { app, clock, database } = await buildTestApp(t, { LOCKOUT_FAILURES: '2', RATE_LIMIT: 'off' })
  const headers = await asClient(app, 'admin')
  const get = async (path: string) => (await app.inject({ url: path, headers })).json()
  const ada = await signUp(app)
  const overview = () => get(`/admin/users/${ada.userId}`)
  const first = await overview()
  t.match(first, { locked: false, failed_sign_ins: 0, live_sessions: 1 })

  await clock.advance(60)
  const phone = new Device(app, IPHONE)
  await phone.logIn(ada.email, PASSWORD)
  const second = await overview()
  t.match(second, { live_sessions: 2 })
  t.ok(Date.parse(second.last_sign_in_at) - Date.parse(first.last_sign_in_at) >= 60_000)

  for (let i = 0; i < 2; i++) await new Device(app, FIREFOX).logIn(ada.email, 'a wrong password')
  t.match(await overview(), { locked: true, failed_sign_ins: 2, last_sign_in_at: second.last_sign_in_at })
  const page = await get('/admin/users')
  t.same(page.users, [await overview()], 'the list says the same')

  await app.inject({ method: 'POST', url: `/admin/users/${ada.userId}/enable`, headers })
  t.match(await overview(), { locked: false, failed_sign_ins: 0 })

  await app.inject({ method: 'DELETE', url: `/admin/users/${ada.userId}/sessions`, headers })
  t.match(await overview(), { live_sessions: 0, last_sign_in_at: second.last_sign_in_at }, 'a revoked session counts')
  await database.admin`delete from sessions`
  const fromEvents = await overview()
  t.ok(
    Math.abs(Date.parse(fromEvents.last_sign_in_at) - Date.parse(second.last_sign_in_at)) < 1000,
    'the events know it when the sessions are deleted',
  )
})

t.test('an account that nobody has used has no sign-in and no session', async t => {
  const { app } = await buildTestApp(t)
  const headers = await asClient(app, 'admin')
  const created = await app.inject({
    method: 'POST',
    url: '/admin/users',
    headers,
    payload: { email: 'x@example.com' },
  })
  const { statusCode, json } = await app.inject({ url: `/admin/users/${created.json().user.id}`, headers })
  t.equal(statusCode, 200)
  t.match(json(), { locked: false, failed_sign_ins: 0, last_sign_in_at: null, live_sessions: 0 })
})
