import type { LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { get, PASSWORD, post, signUp, verify } from '../support/people.js'

const HOUR = 60 * 60

/** The attributes of the cookies that were set. */
function cookies(response: LightMyRequestResponse): { name: string; value: string; maxAge?: number }[] {
  return response.cookies as { name: string; value: string; maxAge?: number }[]
}

t.test('with remember: false the cookies end with the browser, at the sign-in and at every refresh', async t => {
  const { app, clock, config } = await buildTestApp(t, { ACCESS_COOKIE: 'on' })
  const ada = await signUp(app)
  const credentials = { email: ada.email, password: PASSWORD, remember: false }
  const login = await post(app, '/auth/login', credentials)
  const [named, slot, access, ...others] = cookies(login).map(({ name }) => name)
  t.strictSame([named, access, ...others], [config.cookie.name, config.cookie.accessName])
  t.match(slot, new RegExp(`^${config.cookie.name}-[0-9a-f]{3}$`))
  for (const cookie of cookies(login)) t.notOk('maxAge' in cookie, `${cookie.name} has no Max-Age`)

  await clock.advance(31)
  const refresh = (cookie: string) => app.inject({ method: 'POST', url: '/auth/refresh', headers: { cookie } })
  const refreshed = await refresh(`${config.cookie.name}=${cookies(login)[0]!.value}`)
  t.equal(refreshed.statusCode, 200)
  for (const cookie of cookies(refreshed)) t.notOk('maxAge' in cookie, `${cookie.name} still has no Max-Age`)

  const remembered = await post(app, '/auth/login', { ...credentials, remember: true })
  t.equal(cookies(remembered)[0]!.maxAge, 7 * 24 * HOUR)
})

t.test('a session with remember: false ends after 12 hours, however active it is', async t => {
  const { app, clock } = await buildTestApp(t, { JWT_REFRESH_EXPIRES_IN: '7d' })
  const ada = await signUp(app)
  const credentials = { email: ada.email, password: PASSWORD, remember: false, transport: 'body' }
  const login = (await post(app, '/auth/login', credentials)).json()
  const [session] = (await get(app, '/auth/sessions', login.access_token)).json()
  t.match(session, { id: login.session_id, remember: false })
  t.equal(Date.parse(session.expires_at) - Date.parse(session.created_at), 12 * HOUR * 1000)
  t.equal(session.idle_expires_at, session.expires_at)

  await clock.advance(11 * HOUR)
  const next = (await post(app, '/auth/refresh', { refresh_token: login.refresh_token })).json()
  t.equal(await verify(app, next.access_token), 200)
  await clock.advance(HOUR + 1)
  t.equal((await post(app, '/auth/refresh', { refresh_token: next.refresh_token })).json().code, 'session_expired')
})

t.test('SESSION_SHORT_MAX_AGE sets the end of a session with remember: false, at most SESSION_MAX_AGE', async t => {
  for (const [SESSION_SHORT_MAX_AGE, hours] of [
    ['1h', 1],
    ['90d', 7 * 24],
  ] as const) {
    const { app } = await buildTestApp(t, { SESSION_SHORT_MAX_AGE, SESSION_MAX_AGE: '7d' })
    const email = 'ada@example.com'
    const body = { email, password: PASSWORD, remember: false, transport: 'body' }
    const registered = (await post(app, '/auth/register', body)).json()
    const [session] = (await get(app, '/auth/sessions', registered.access_token)).json()
    t.equal(Date.parse(session.expires_at) - Date.parse(session.created_at), hours * HOUR * 1000)
  }
})

t.test('a password change with remember: false sets a cookie that ends with the browser', async t => {
  const { app, config } = await buildTestApp(t)
  const ada = await signUp(app)
  const change = { email: ada.email, current_password: PASSWORD, new_password: `${PASSWORD} but longer` }
  const response = await post(app, '/auth/change-password', { ...change, remember: false })
  t.equal(response.statusCode, 200)
  const [cookie] = cookies(response)
  t.equal(cookie!.name, config.cookie.name)
  t.notOk('maxAge' in cookie!)
})

t.test('a password change in a session with remember: false keeps remember: false', async t => {
  const { app } = await buildTestApp(t)
  const { email } = await signUp(app)
  const login = await post(app, '/auth/login', { email, password: PASSWORD, remember: false })
  const signedIn = { authorization: `Bearer ${login.json().access_token}` }
  const passwords = { current_password: PASSWORD, new_password: 'another good passphrase' }
  const changed = await post(app, '/auth/change-password', passwords, signedIn)
  t.notOk('maxAge' in cookies(changed)[0]!, 'the new session has remember: false too')
  t.notOk(
    cookies(changed).some(({ name }) => name.endsWith('-device')),
    'no device cookie is set',
  )

  const again = { current_password: passwords.new_password, new_password: 'a third good passphrase' }
  const asked = { ...again, remember: true }
  const changedAgain = await post(app, '/auth/change-password', asked, {
    authorization: `Bearer ${changed.json().access_token}`,
  })
  t.equal(cookies(changedAgain)[0]!.maxAge, 7 * 24 * HOUR, 'unless the change has remember: true')
})
