import t from 'tap'
import { disableUser, setRoles } from '../../../src/domain/accounts/administer-users.js'
import { revokeSigningKey } from '../../../src/domain/keys/rotate-signing-key.js'
import { signOutEveryone } from '../../../src/domain/sessions/end-many-sessions.js'
import { buildTestApp } from '../../support/build-test-app.js'
import { clientToken, makeClient, postForm } from '../../support/clients.js'
import { until } from '../../support/eventually.js'
import { get, type Person, post, refresh, signIn, signUp, verify } from '../../support/people.js'
import { knownVerdict, startVerifier, verdict } from '../verifiers.js'
import { followService } from './follow-service.js'

// A verifier beside the real service refuses what the service refuses, with the same codes.

const service = await buildTestApp(t)
const { app, config } = service
const { verifier, client, url } = await followService(t, service)

const reaches = (token: string, code: string) => until(() => knownVerdict(verifier, token) === code, `it is ${code}`)

/** A user whose token the verifier knows. */
async function known(person?: Promise<Person>): Promise<Person> {
  const user = await (person ?? signUp(app))
  t.equal(await verdict(verifier.verify(user.accessToken)), 'valid')
  return user
}

t.test('the principal of a token says what the service says', async t => {
  const ada = await known()
  const principal = await verifier.verify(ada.accessToken)
  t.match(principal, { userId: ada.userId, sessionId: ada.sessionId, clientId: 'latchkey', roles: [], generation: 0 })
  t.equal(principal.expiresAt - principal.issuedAt, 900)
})

t.test('a logout is refused at the verifier, and only that session', async t => {
  const ada = await known()
  const other = await known(signIn(app, ada.email))
  t.equal((await post(app, '/auth/logout', { refresh_token: ada.refreshToken })).statusCode, 204)
  await reaches(ada.accessToken, 'token_revoked')
  t.equal(await verdict(verifier.verify(other.accessToken)), 'valid')
})

t.test('a change of the password, a disabled account and a sign-out everywhere revoke', async t => {
  const [bob, eve, ida] = [await known(), await known(), await known()]
  await disableUser(app.context, bob.email, 'test')
  await reaches(bob.accessToken, 'token_revoked')
  const changed = await app.inject({
    method: 'POST',
    url: '/auth/change-password',
    headers: { authorization: `Bearer ${eve.accessToken}` },
    payload: { current_password: 'a passphrase nobody would guess', new_password: 'another passphrase nobody guesses' },
  })
  t.ok(changed.statusCode < 300, changed.body)
  await reaches(eve.accessToken, 'token_revoked')
  await post(app, '/auth/logout', { scope: 'all', refresh_token: ida.refreshToken })
  await reaches(ida.accessToken, 'token_revoked')
})

t.test('after a change of roles the token is stale, and the next one is valid', async t => {
  const ada = await known()
  await setRoles(app.context, ada.email, ['editor'], 'test')
  await reaches(ada.accessToken, 'token_stale')
  const { access_token } = (await refresh(app, ada.refreshToken)).json()
  t.strictSame((await verifier.verify(access_token)).roles, ['editor'])
})

t.test('one revoked access token is refused, as at the service', async t => {
  const ada = await known()
  const { basic } = await makeClient(app, 'admin')
  await postForm(app, '/oauth/revoke', { token: ada.accessToken }, { authorization: basic })
  await until(() => knownVerdict(verifier, ada.accessToken) !== 'valid')
  t.equal(knownVerdict(verifier, ada.accessToken), await verify(app, ada.accessToken))
})

t.test('what was revoked before the verifier started is refused too', async t => {
  const ada = await signUp(app)
  await post(app, '/auth/logout', { refresh_token: ada.refreshToken })
  const late = startVerifier(t, {
    issuer: config.issuer,
    baseUrl: url,
    client: { id: client.id, secret: client.secret },
  })
  await late.ready()
  t.equal(await verdict(late.verify(ada.accessToken)), 'token_revoked')
})

t.test('the token of a client is not a user’s, also if the client has every scope', async t => {
  for (const scopes of [['revocations'], ['admin', 'introspect', 'sessions', 'revocations']] as const) {
    const token = await clientToken(app, await makeClient(app, ...scopes))
    t.equal(await verdict(verifier.verify(token)), 'token_invalid')
  }
})

t.test('a client with the scope revocations alone can do nothing else', async t => {
  const headers = { authorization: `Bearer ${await clientToken(app, client)}` }
  const user = await signUp(app)
  for (const [method, path] of [
    ['GET', '/auth/me'],
    ['GET', '/auth/sessions'],
    ['GET', '/admin/users'],
    ['POST', '/admin/revoke-all'],
    ['GET', `/admin/users/${user.userId}`],
  ] as const) {
    const { statusCode } = await app.inject({ method, url: path, headers })
    t.ok([401, 403, 404].includes(statusCode), `${method} ${path}: ${statusCode}`)
  }
  const introspected = await postForm(
    app,
    '/oauth/introspect',
    { token: user.accessToken },
    { authorization: client.basic },
  )
  t.ok([400, 401, 403].includes(introspected.statusCode) || introspected.json().active === false, introspected.body)
  t.equal((await get(app, '/auth/verify', headers.authorization.slice(7))).statusCode, 401)
})

t.test('a revoked signing key is refused with its tokens, and its successor is accepted', async t => {
  const ada = await known()
  const { kid } = await verifier.verify(ada.accessToken)
  await revokeSigningKey(app.context, kid, 'test')
  await until(async () => (await verdict(verifier.verify(ada.accessToken))) === 'token_stale')
  const { access_token } = (await refresh(app, ada.refreshToken)).json()
  const principal = await verifier.verify(access_token)
  t.not(principal.kid, kid)
})

t.test('a sign-out of everyone revokes every session that began before', async t => {
  const ada = await known()
  await signOutEveryone(app.context, 'test')
  await reaches(ada.accessToken, 'token_revoked')
  const later = await signUp(app)
  t.equal(await verdict(verifier.verify(later.accessToken)), 'valid')
})
