import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { asClient } from '../support/clients.js'
import { post, refresh, signIn, signUp, verify } from '../support/people.js'

const UNKNOWN = '01920000-0000-7000-8000-000000000000'

t.test('all sessions of a user end, however the user is named', async t => {
  const { app } = await buildTestApp(t)
  const admin = await asClient(app, 'admin')
  const { issuer } = app.context.config
  const ada = await signUp(app, 'ada@example.com')
  const subjects = [
    { format: 'email', email: 'Ada@Example.COM' },
    { format: 'iss_sub', iss: issuer, sub: ada.userId },
    { format: 'opaque', id: ada.userId },
  ]
  for (const sub_id of subjects) {
    const [laptop, phone] = [await signIn(app, ada.email), await signIn(app, ada.email)]
    const response = await post(app, '/global-token-revocation', { sub_id }, admin)
    t.equal(response.statusCode, 204, sub_id.format)
    for (const session of [laptop, phone]) {
      t.equal(await verify(app, session.accessToken), 'token_revoked')
      t.equal((await refresh(app, session.refreshToken)).json().code, 'session_revoked')
    }
    const events = await app.context.db.latestEvents.latest({ types: ['sessions_revoked'] }, 10)
    t.equal(events.length, subjects.indexOf(sub_id) + 1, 'one event each')
    t.match(events[0], { userId: ada.userId })
  }
})

t.test('an unknown subject is 404, and an unknown format 400', async t => {
  const { app } = await buildTestApp(t)
  const admin = await asClient(app, 'admin')
  const ada = await signUp(app)
  const unknown = [
    { format: 'email', email: 'nobody@example.com' },
    { format: 'opaque', id: UNKNOWN },
    { format: 'opaque', id: 'no id' },
    { format: 'iss_sub', iss: 'https://other.example', sub: ada.userId },
  ]
  for (const sub_id of unknown)
    t.equal((await post(app, '/global-token-revocation', { sub_id }, admin)).json().code, 'user_not_found')
  const wrong = [{ format: 'phone_number', phone_number: '+1' }, { format: 'email' }, { format: 'opaque' }, 'ada', null]
  for (const sub_id of wrong)
    t.equal((await post(app, '/global-token-revocation', { sub_id }, admin)).statusCode, 400, JSON.stringify(sub_id))
  t.equal(await verify(app, ada.accessToken), 200)
})

t.test('only administrators can do it', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const body = { sub_id: { format: 'opaque', id: ada.userId } }
  t.equal((await post(app, '/global-token-revocation', body)).statusCode, 401)
  const other = await asClient(app, 'signals', 'sessions', 'introspect', 'revocations')
  t.equal((await post(app, '/global-token-revocation', body, other)).statusCode, 403)
  const own = { authorization: `Bearer ${ada.accessToken}` }
  t.equal((await post(app, '/global-token-revocation', body, own)).statusCode, 403)
  t.equal(await verify(app, ada.accessToken), 200)
})
