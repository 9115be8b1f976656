import { ROLES_MAX_BYTES } from '@latchkey/verifier/core'
import t from 'tap'
import { endSessionsOfRole } from '../../src/domain/sessions/end-many-sessions.js'
import { payloadOf } from '../attacks/forger.js'
import { buildTestApp } from '../support/build-test-app.js'
import { asClient, makeClient, postForm } from '../support/clients.js'
import { get, PASSWORD, post, refresh, signIn, signUp, verify } from '../support/people.js'

const ROLES = [
  'editor',
  'Content Editor',
  '/staff/it',
  'arn:aws:iam::1:role/ops+read@eu',
  '\u00C9diteur',
  '\u7DE8\u96C6\u8005',
  `"R&D" {a=b;c} \\ 100%`,
  'NULL',
]
const HEADER = [
  'editor',
  'Content%20Editor',
  '%2Fstaff%2Fit',
  'arn:aws:iam::1:role%2Fops%2Bread%40eu',
  '%C3%89diteur',
  '%E7%B7%A8%E9%9B%86%E8%80%85',
  '%22R%26D%22%20%7Ba%3Db%3Bc%7D%20%5C%20100%25',
  'NULL',
].join(',')

/** The service, a user with these roles, and an administrator. */
async function start(t: Parameters<typeof buildTestApp>[0], roles: readonly string[] = ROLES) {
  const test = await buildTestApp(t, { DIALECTS: 'simple-jwt' })
  const { app } = test
  const headers = await asClient(app, 'admin')
  const admin = (method: 'GET' | 'POST' | 'PATCH', url: string, payload?: object) =>
    app.inject({ method, url, headers, ...(payload && { payload }) })
  const { email, userId } = await signUp(app)
  const set = await admin('PATCH', `/admin/users/${userId}`, { roles })
  return { ...test, admin, set, ada: await signIn(app, email) }
}

t.test('roles with spaces, slashes, quotes and non-ASCII letters appear everywhere exactly as given', async t => {
  const { app, admin, set, ada, database } = await start(t)
  t.strictSame(set.json().roles, ROLES, set.body)
  t.strictSame((await admin('GET', `/admin/users/${ada.userId}`)).json().roles, ROLES)
  t.strictSame(payloadOf(ada.accessToken).roles, ROLES)
  t.strictSame((await get(app, '/auth/profile', ada.accessToken)).json().roles, ROLES)

  const next = (await refresh(app, ada.refreshToken)).json()
  t.strictSame(payloadOf(next.access_token).roles, ROLES, 'also after a refresh')
  t.strictSame(next.user.roles, ROLES)
  t.strictSame((await post(app, '/auth/verify', { token: next.access_token })).json().roles, ROLES)

  const { basic } = await makeClient(app, 'introspect')
  const introspected = await postForm(app, '/oauth/introspect', { token: next.access_token }, { authorization: basic })
  t.strictSame(introspected.json().roles, ROLES)

  const inDjango = (await post(app, '/api/token/', { username: ada.email, password: PASSWORD })).json()
  t.strictSame(payloadOf(inDjango.access).roles, ROLES)

  const { events } = (await admin('GET', `/admin/users/${ada.userId}/events`)).json()
  const changed = events.find(({ type }: { type: string }) => type === 'roles_changed')
  t.strictSame(changed.details.roles, ROLES)

  await admin('PATCH', `/admin/users/${ada.userId}`, { roles: ['E\u0301diteur'] })
  const [row] = await database.admin`select roles from users where id = ${ada.userId}`
  t.strictSame(row!.roles, ['\u00C9diteur'], 'in NFC')
})

t.test('X-Auth-Roles contains special role names percent-encoded and plain ones unchanged', async t => {
  const { app, admin, ada } = await start(t)
  const header = (await get(app, '/auth/verify', ada.accessToken)).headers['x-auth-roles'] as string
  t.equal(header, HEADER)
  t.strictSame(header.split(',').map(decodeURIComponent), ROLES)

  await admin('PATCH', `/admin/users/${ada.userId}`, { roles: ['editor', 'a_b.c:d-e'] })
  const { accessToken } = await signIn(app, ada.email)
  t.equal((await get(app, '/auth/verify', accessToken)).headers['x-auth-roles'], 'editor,a_b.c:d-e')
})

t.test('a gateway can require a percent-encoded role in the query and in the path', async t => {
  const { app, ada } = await start(t)
  const ask = async (url: string) => (await get(app, url, ada.accessToken)).statusCode
  for (const role of ROLES) {
    const encoded = encodeURIComponent(role)
    t.equal(await ask(`/auth/verify?role=${encoded}`), 200, role)
    t.equal(await ask(`/auth/verify-role/${encoded}/api/orders?page=2`), 200, role)
    t.equal(await ask(`/auth/verify-role/nobody,${encoded}`), 200, role)
    t.equal(await ask(`/auth/verify-role/${encoded}x/`), 403, role)
  }
  t.equal(await ask('/auth/verify?role=Content+Editor'), 200, 'a plus is a space, as in forms')
  t.equal(await ask('/auth/verify-role/arn:aws:iam::1:role%2Fops+read@eu/'), 200, 'a plus in a path is a plus')
  t.equal(await ask('/auth/verify-role/%22R&D%22%20%7Ba=b;c%7D%20%5C%20100%25/'), 200, '& = ; in a path are literal')
  for (const path of ['content%20editor', 'Content', 'Editor', '/staff/it', 'staff', 'E%CC%81diteur', 'x&role=editor'])
    t.equal(await ask(`/auth/verify-role/${path}/`), 403, path)
})

t.test('a percent-encoded comma in a required role does not make two roles of it', async t => {
  const { app, ada } = await start(t, ['editor', 'author'])
  for (const url of ['/auth/verify?role=x%2Ceditor', '/auth/verify?role=x,editor', '/auth/verify-role/x%2Ceditor/'])
    t.equal((await get(app, url, ada.accessToken)).statusCode, 403, url)
})

t.test('sessions can be revoked by a role name with special characters, and only of that role', async t => {
  const { app, admin, ada } = await start(t)
  const bob = await signUp(app)
  for (const role of ['Content', 'staff/it', '\u00C9DITEUR'])
    t.equal((await admin('POST', '/admin/revocations', { role })).statusCode, 204, role)
  t.equal(await verify(app, ada.accessToken), 200)
  for (const role of ['x,y', ' editor', 'a\0', '\uD800'])
    t.equal((await admin('POST', '/admin/revocations', { role })).json().code, 'invalid_role', JSON.stringify(role))

  t.equal((await admin('POST', '/admin/revocations', { role: 'E\u0301diteur' })).statusCode, 204)
  t.equal(await verify(app, ada.accessToken), 'token_revoked')
  t.equal(await endSessionsOfRole(app.context, `"R&D" {a=b;c} \\ 100%`, 'test'), 1)
  t.equal(await verify(app, bob.accessToken), 200)
})

t.test('roles that exceed the size limit are refused with their size', async t => {
  const { admin, ada } = await start(t)
  const roles = Array.from({ length: 40 }, (_, n) => `${n}`.padStart(64, 'x'))
  t.match((await admin('PATCH', `/admin/users/${ada.userId}`, { roles })).json(), {
    status: 422,
    code: 'invalid_role',
    detail: 'The roles take 2680 bytes; the maximum is 2144.',
  })
})

t.test('an access token with the maximum size of roles fits into the access cookie', async t => {
  const roles = [...Array.from({ length: 31 }, (_, n) => `${n}`.padStart(64, 'x')), '\u7DE8\u96C6\u8005'.repeat(2)]
  roles.push('x'.repeat(ROLES_MAX_BYTES - 31 * 67 - 57 - 3))
  for (const JWT_ALGORITHM of ['RS256', 'ES256']) {
    const { app, database } = await buildTestApp(t, {
      JWT_ALGORITHM,
      ACCESS_COOKIE: 'on',
      PUBLIC_ORIGIN: 'https://accounts.example-company.com',
      COOKIE_DOMAIN: 'example-company.com',
    })
    const { email, userId } = await signUp(app)
    await database.admin`update users set roles = ${roles} where id = ${userId}`
    const answer = await post(app, '/auth/login', { email, password: PASSWORD })
    t.equal(answer.statusCode, 200, answer.body)
    const { access_token } = answer.json()
    t.strictSame(payloadOf(access_token).roles, roles)
    t.ok(answer.cookies.some(({ value }) => value === access_token))
    const { headers } = await get(app, '/auth/verify', access_token)
    t.equal((headers['x-auth-roles'] as string).length, ROLES_MAX_BYTES - 3 * roles.length + roles.length - 1)
  }
})
