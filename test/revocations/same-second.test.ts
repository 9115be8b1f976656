import t from 'tap'
import { setRoles } from '../../src/auth/administer-users.js'
import { signOutEveryone } from '../../src/auth/sign-out-everyone.js'
import { buildTestApp } from '../support/build-test-app.js'
import { refresh, signIn, signUp, verify } from '../support/people.js'

/** Instants are rounded up to whole seconds, so what follows one another within a second is where bounds collide. */
const startOfSecond = () => new Promise(resolve => setTimeout(resolve, 1000 - (Date.now() % 1000)))

t.test(
  'a token refreshed in the second of a change of roles does not outlive a sign-out of everyone in it',
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

t.test('a token made in the second of a sign-out of everyone is stale after a change of roles in it', async t => {
  const { app } = await buildTestApp(t)
  const { email } = await signUp(app)
  await startOfSecond()
  await signOutEveryone(app.context, 'test')
  const ada = await signIn(app, email)
  await setRoles(app.context, email, ['editor'], 'test')
  t.equal(await verify(app, ada.accessToken), 'token_stale')
  t.equal(await verify(app, (await refresh(app, ada.refreshToken)).json().access_token), 200)
})

t.test('two changes of roles in one second: only the tokens of the second are good', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  await startOfSecond()
  await setRoles(app.context, ada.email, ['admin'], 'test')
  const between = (await refresh(app, ada.refreshToken)).json()
  await setRoles(app.context, ada.email, [], 'test')
  t.equal(await verify(app, between.access_token), 'token_stale', 'an admin of a moment')
  const after = (await refresh(app, between.refresh_token)).json()
  t.equal(await verify(app, after.access_token), 200)
  t.strictSame(after.user.roles, [])
})

t.test('sessions that idled out make room before one that is in use', async t => {
  const { app, clock } = await buildTestApp(t, { MAX_SESSIONS_PER_USER: '2', SESSION_MAX_AGE: '30d' })
  const inUse = await signUp(app)
  await signIn(app, inUse.email)
  await clock.advance(6 * 24 * 60 * 60)
  const kept = (await refresh(app, inUse.refreshToken)).json()
  await clock.advance(2 * 24 * 60 * 60)
  await signIn(app, inUse.email)
  t.equal((await refresh(app, kept.refresh_token)).statusCode, 200)
})
