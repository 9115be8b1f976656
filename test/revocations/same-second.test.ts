import t from 'tap'
import { setRoles } from '../../src/domain/accounts/administer-users.js'
import { signOutEveryone } from '../../src/domain/sessions/end-many-sessions.js'
import { buildTestApp } from '../support/build-test-app.js'
import { refresh, signIn, signUp, verify } from '../support/people.js'

/** Instants are rounded up to whole seconds, so operations within the same second can conflict. */
const startOfSecond = () => new Promise(resolve => setTimeout(resolve, 1000 - (Date.now() % 1000)))

t.test(
  'signing out everyone revokes a token that was refreshed in the same second after a change of roles',
  async t => {
    const { app } = await buildTestApp(t)
    const ada = await signUp(app)
    await startOfSecond()
    await setRoles(app.context, ada.email, ['editor'], 'test')
    const { access_token } = (await refresh(app, ada.refreshToken)).json()
    await signOutEveryone(app.context, 'test')
    t.equal(await verify(app, access_token), 'token_revoked')
  },
)

t.test('a token issued after signing out everyone is stale after a change of roles in the same second', async t => {
  const { app } = await buildTestApp(t)
  const { email } = await signUp(app)
  await startOfSecond()
  await signOutEveryone(app.context, 'test')
  const ada = await signIn(app, email)
  await setRoles(app.context, email, ['editor'], 'test')
  t.equal(await verify(app, ada.accessToken), 'token_stale')
  t.equal(await verify(app, (await refresh(app, ada.refreshToken)).json().access_token), 200)
})

t.test('after two changes of roles in one second, only tokens issued after the second change are valid', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  await startOfSecond()
  await setRoles(app.context, ada.email, ['admin'], 'test')
  const between = (await refresh(app, ada.refreshToken)).json()
  await setRoles(app.context, ada.email, [], 'test')
  t.equal(await verify(app, between.access_token), 'token_stale', 'it contains the role admin, which was removed')
  const after = (await refresh(app, between.refresh_token)).json()
  t.equal(await verify(app, after.access_token), 200)
  t.strictSame(after.user.roles, [])
})

t.test('an idle-expired session is evicted before a session in use when the session limit is reached', async t => {
  const { app, clock } = await buildTestApp(t, { MAX_SESSIONS_PER_USER: '2', SESSION_MAX_AGE: '30d' })
  const inUse = await signUp(app)
  await signIn(app, inUse.email)
  await clock.advance(6 * 24 * 60 * 60)
  const kept = (await refresh(app, inUse.refreshToken)).json()
  await clock.advance(2 * 24 * 60 * 60)
  await signIn(app, inUse.email)
  t.equal((await refresh(app, kept.refresh_token)).statusCode, 200)
})
