import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { rotateClientSecret } from '../../src/domain/clients/clients.js'
import { buildTestApp } from '../support/build-test-app.js'
import { clientToken, makeClient, postForm, signUpAdmin, type TestClient } from '../support/clients.js'
import { get, PASSWORD, post } from '../support/people.js'
import { requestInParts } from '../support/request-in-parts.js'

async function openSession(app: FastifyInstance, client: TestClient, userId: string) {
  const response = await app.inject({
    method: 'POST',
    url: `/admin/users/${userId}/sessions`,
    payload: {},
    headers: { authorization: `Bearer ${await clientToken(app, client)}` },
  })
  t.equal(response.statusCode, 201)
  return response.json()
}

t.test('a client with the scope `sessions` alone gets no admin rights from a session of an administrator', async t => {
  const { app } = await buildTestApp(t)
  const { userId } = await signUpAdmin(app)
  const client = await makeClient(app, 'sessions', 'introspect')
  let session = await openSession(app, client, userId)
  for (const when of ['at first', 'after a refresh']) {
    t.equal((await get(app, '/admin/users', session.access_token)).json().code, 'insufficient_role', when)
    const verified = await get(app, '/auth/verify', session.access_token)
    t.equal(verified.headers['x-auth-roles'], '', 'a service behind a gateway gets no roles')
    t.equal((await get(app, '/auth/verify?role=admin', session.access_token)).statusCode, 403)
    const asked = await postForm(
      app,
      '/oauth/introspect',
      { token: session.access_token },
      { authorization: client.basic },
    )
    t.match(asked.json(), { active: true, sub: userId, roles: [] })
    const grant = { grant_type: 'refresh_token', refresh_token: session.refresh_token }
    session = (await postForm(app, '/oauth/token', grant, { authorization: client.basic })).json()
  }
})

t.test('a client with the scopes `sessions` and `admin` opens sessions with the roles of their users', async t => {
  const { app } = await buildTestApp(t)
  const { userId } = await signUpAdmin(app)
  const session = await openSession(app, await makeClient(app, 'sessions', 'admin'), userId)
  t.strictSame(session.user.roles, ['admin'])
  t.equal((await get(app, '/admin/users', session.access_token)).statusCode, 200)
})

t.test('the role admin in a token is not enough if its user no longer has the role', async t => {
  const { app, database } = await buildTestApp(t)
  const admin = await signUpAdmin(app)
  await database.admin`update users set roles = '{}' where id = ${admin.userId}`
  t.equal((await get(app, '/admin/users', admin.accessToken)).json().code, 'insufficient_role')
})

t.test('the profile of a session that a client without the scope `admin` opened shows no roles', async t => {
  const { app } = await buildTestApp(t)
  const admin = await signUpAdmin(app)
  const session = await openSession(app, await makeClient(app, 'sessions'), admin.userId)
  t.strictSame((await get(app, '/auth/profile', session.access_token)).json().roles, [])
  t.strictSame((await get(app, '/auth/profile', admin.accessToken)).json().roles, ['admin'])
})

t.test('sessions that a client opens give no extra guesses at the password of their user', async t => {
  const { app } = await buildTestApp(t, { LOCKOUT_FAILURES: '3' })
  const admin = await signUpAdmin(app)
  const client = await makeClient(app, 'sessions')
  const guess = async (current_password: string) => {
    const { access_token } = await openSession(app, client, admin.userId)
    const payload = { current_password, new_password: 'another good passphrase', transport: 'body' }
    return post(app, '/auth/change-password', payload, { authorization: `Bearer ${access_token}` })
  }
  for (let n = 0; n < 3; n++) t.equal((await guess(`wrong ${n}`)).statusCode, 401)
  t.equal((await guess(PASSWORD)).json().code, 'invalid_credentials', 'the account is locked for these sessions too')
})

t.test('a client whose secret is replaced while it sends its request opens no session', async t => {
  const { app } = await buildTestApp(t)
  const { userId } = await signUpAdmin(app)
  const client = await makeClient(app, 'sessions')
  const headers = {
    authorization: `Bearer ${await clientToken(app, client)}`,
    'content-type': 'application/json',
  }
  const request = { method: 'POST', path: `/admin/users/${userId}/sessions`, headers, body: '{"ip":"192.0.2.1"}' }
  const answer = await requestInParts(app, request, async () => {
    await rotateClientSecret(app.context, client.name, 'test')
  })
  t.match(answer, { status: 401, body: { code: 'token_revoked' } })
})
