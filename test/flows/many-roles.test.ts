import t from 'tap'
import { setRoles } from '../../src/auth/administer-users.js'
import { buildTestApp } from '../support/build-test-app.js'
import { get, refresh, signUp } from '../support/people.js'

t.test('an access token has room for all roles that an account may have, and so has the header', async t => {
  // The longest signature of all.
  const { app } = await buildTestApp(t, { JWT_ALGORITHM: 'RS256', JWT_ISSUER: `https://${'a'.repeat(63)}.example` })
  const ada = await signUp(app)
  for (const roles of [
    ['a'.repeat(2141)],
    Array.from({ length: 150 }, (_, i) => `Team ${String(i).padStart(6, '0')}`),
    ['Team lead', '/staff/Paris', 'x'],
  ]) {
    await setRoles(app.context, ada.userId, roles, 'test')
    const { access_token: token, refresh_token: next, user } = (await refresh(app, ada.refreshToken)).json()
    ada.refreshToken = next
    t.same(user.roles, roles)
    t.ok(token.length <= 4096, `${token.length} characters`)
    const verified = await get(app, '/auth/verify', token)
    t.match(verified, { statusCode: 200, headers: { 'x-auth-roles': roles.join(',') } })
  }
  await t.rejects(setRoles(app.context, ada.userId, ['a'.repeat(2142)], 'test'), { code: 'invalid_role' })
})
