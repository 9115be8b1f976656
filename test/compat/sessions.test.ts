import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { refresh, signIn, signUp, verify } from '../support/people.js'

const ADDRESS = '/api/users/me/sessions'
const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0'

function remove(app: FastifyInstance, url: string, accessToken: string) {
  return app.inject({ method: 'DELETE', url, headers: { authorization: `Bearer ${accessToken}` } })
}

t.test('/api/users/me/sessions lists the sessions of /auth/sessions under their older field names', async t => {
  const { app, stores } = await buildTestApp(t)
  const ada = await signUp(app)
  const laptop = await signIn(app, ada.email, FIREFOX)
  await signUp(app)

  const ask = (url: string) =>
    app.inject({ url, headers: { authorization: `Bearer ${laptop.accessToken}`, 'user-agent': FIREFOX } })
  const before = stores.db.statementsSent
  const answer = await ask(ADDRESS)
  t.equal(stores.db.statementsSent, before + 1)
  t.equal(answer.headers['cache-control'], 'no-store')
  const native = (await ask('/auth/sessions')).json()
  // The second request is later activity, so last_activity differs.
  const items = answer.json().map(({ last_activity, ...item }: Record<string, unknown>) => item)
  t.strictSame(
    items,
    native.map((session: Record<string, unknown>) => ({
      id: session.id,
      device_info: session.device,
      ip_address: session.ip,
      location_data: session.location,
      is_active: session.is_active,
      expires_at: session.expires_at,
      current: session.current,
    })),
  )
  t.match(answer.json()[0], {
    id: laptop.sessionId,
    device_info: { browser: 'Firefox', os: 'Windows', kind: 'desktop' },
    ip_address: '127.0.0.1',
    location_data: null,
    is_active: true,
    current: true,
    last_activity: /^\d{4}-\d\d-\d\dT.*Z$/,
  })
})

t.test('DELETE on the collection revokes all other sessions, and DELETE with an id only that session', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const [phone, tablet, tv] = await Promise.all([1, 2, 3].map(() => signIn(app, ada.email)))
  const eve = await signUp(app)

  t.equal((await remove(app, `${ADDRESS}/${phone!.sessionId}`, ada.accessToken)).statusCode, 204)
  t.equal(await verify(app, phone!.accessToken), 'token_revoked')
  t.equal(await verify(app, tablet!.accessToken), 200)

  t.equal((await remove(app, ADDRESS, ada.accessToken)).statusCode, 204)
  for (const other of [tablet!, tv!]) {
    t.equal(await verify(app, other.accessToken), 'token_revoked')
    t.equal((await refresh(app, other.refreshToken)).statusCode, 401)
  }
  t.equal(await verify(app, ada.accessToken), 200, 'the current session stays valid')
  t.equal(await verify(app, eve.accessToken), 200, 'sessions of other users stay valid')
})

t.test('another user’s session is not found, and an invalid session id is refused', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const eve = await signUp(app)
  const foreign = await remove(app, `${ADDRESS}/${ada.sessionId}`, eve.accessToken)
  t.match(foreign.json(), { status: 404, code: 'session_not_found' })
  t.equal(await verify(app, ada.accessToken), 200)
  t.equal((await remove(app, `${ADDRESS}/not-an-id`, eve.accessToken)).statusCode, 400)
})

t.test('listing and revoking sessions at /api/users/me/sessions requires an access token', async t => {
  const { app } = await buildTestApp(t)
  t.equal((await app.inject(ADDRESS)).json().code, 'authentication_required')
  t.equal((await app.inject({ method: 'DELETE', url: ADDRESS })).json().code, 'authentication_required')
  t.equal((await app.inject({ method: 'POST', url: ADDRESS })).statusCode, 405)
})
