import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { asClient } from '../support/clients.js'
import { Device, FIREFOX } from '../support/device.js'
import { PASSWORD, signUp } from '../support/people.js'

/** The claim `ver` of the page's access token. */
function versionIn({ accessToken }: Device): number {
  return JSON.parse(Buffer.from(accessToken!.split('.')[1]!, 'base64url').toString()).ver
}

t.test('token_version: what ends all sessions raises it, and tokens of a lower version are revoked', async t => {
  const { app, database } = await buildTestApp(t)
  const ada = await signUp(app)
  const admin = await asClient(app, 'admin')
  const browser = new Device(app, FIREFOX)
  let password = PASSWORD
  const stored = async () => {
    const [row] = await database.admin`select token_version from users where id = ${ada.userId}`
    return row!.token_version as number
  }
  const ofTheAdministrator = (method: 'POST' | 'DELETE' | 'PATCH', path: string, payload?: object) =>
    app.inject({ method, url: `/admin/users/${ada.userId}${path}`, headers: admin, ...(payload && { payload }) })

  await browser.logIn(ada.email, password)
  t.equal(versionIn(browser), 0, 'every token carries the version that its session was opened with')
  t.equal(await stored(), 0)

  // Each of these ends all sessions. Afterwards the user signs in again, with the next version.
  const endings: Record<string, () => Promise<{ statusCode: number }>> = {
    'a logout of all': () => browser.post('/auth/logout', { scope: 'all' }),
    'a sign-out by an administrator': () => ofTheAdministrator('DELETE', '/sessions'),
    'a change of the password': () => {
      const change = { email: ada.email, current_password: password, new_password: 'their second passphrase' }
      password = 'their second passphrase'
      return new Device(app, FIREFOX).post('/auth/change-password', change)
    },
    'disabling the user': async () => {
      await ofTheAdministrator('POST', '/disable')
      return ofTheAdministrator('POST', '/enable')
    },
  }
  for (const [name, end] of Object.entries(endings)) {
    const version = versionIn(browser)
    const old = browser.copy()
    t.match((await end()).statusCode, /^20[04]$/, name)
    t.equal(await stored(), version + 1)
    t.equal(await old.verified(), 'token_revoked', `${name}: the access token is revoked`)
    t.match((await old.refresh()).json(), { status: 401, code: 'session_revoked' }, `${name}: the refresh token too`)
    await browser.logIn(ada.email, password)
    t.equal(versionIn(browser), version + 1)
    t.equal(await browser.verified(), 200, `${name}: the next sign-in works`)
  }

  // A change of roles does not end sessions: tokens with the old roles are stale, and a refresh brings the new ones.
  const version = versionIn(browser)
  t.equal((await ofTheAdministrator('PATCH', '', { roles: ['editor'] })).statusCode, 200)
  t.equal(await browser.verified(), 'token_stale')
  t.match((await browser.refresh()).json(), { user: { roles: ['editor'] } })
  t.equal(await browser.verified(), 200)
  t.equal(versionIn(browser), version)
})
