import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { setRoles } from '../../src/domain/accounts/administer-users.js'
import { withJournalWrites } from '../../src/domain/commit-and-announce.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { makeClient, signUpAdmin } from '../support/clients.js'
import { get, type Person, refresh, signIn, signUp, verify } from '../support/people.js'
import { requestInParts } from '../support/request-in-parts.js'
import { payloadOf } from './forger.js'

const patchRoles = (app: FastifyInstance, { userId }: Person, accessToken: string, roles: string[]) =>
  app.inject({
    method: 'PATCH',
    url: `/admin/users/${userId}`,
    payload: { roles },
    headers: { authorization: `Bearer ${accessToken}` },
  })

/** Locks a row, starts an operation that has to wait for the lock, and runs `work` meanwhile. */
async function whileHeld<T>({ database }: TestApp, hold: string, waiting: () => Promise<T>, work: () => Promise<void>) {
  const waited = await database.admin.begin(async sql => {
    await sql.unsafe(hold)
    const result = waiting()
    // Long enough that a time before the wait is in another second than one after it.
    await sleep(1200)
    await work()
    return { result }
  })
  return waited.result
}

const holdUser = ({ userId }: Person) => `select id from users where id = '${userId}' for update`

t.test('an access token issued while a demotion waits for its lock is stale once the demotion commits', async t => {
  const test = await buildTestApp(t)
  const { app } = test
  const mallory = await signUpAdmin(app)
  await test.clock.advance(10)
  let during = ''
  await whileHeld(
    test,
    holdUser(mallory),
    () => setRoles(app.context, mallory.email, [], 'test'),
    async () => {
      during = (await refresh(app, mallory.refreshToken)).json().access_token
    },
  )
  t.strictSame(payloadOf(during).roles, ['admin'], 'the token has the old roles')
  t.equal(await verify(app, during), 'token_stale')
  t.equal((await get(app, '/admin/users', during)).json().code, 'token_stale')
  t.equal((await patchRoles(app, mallory, during, ['admin', 'more'])).statusCode, 401, 'it cannot restore the role')
})

t.test('a demotion makes access tokens stale on another instance through the journal alone', async t => {
  const a = await buildTestApp(t)
  const b = await a.another()
  const mallory = await signUpAdmin(a.app)
  await a.stores.db.transaction(async given => {
    const { users, journal } = withJournalWrites(given)
    const { rolesVersion: belowRolesVersion, changedAt: before } = await users.setRoles(mallory.userId, [])
    await journal.append([
      { kind: 'user', subject: mallory.userId, belowRolesVersion, before, reason: 'roles_changed' },
    ])
  })
  await b.app.context.revocations.readJournal()
  t.equal(await verify(b.app, mallory.accessToken), 'token_stale')
  const next = (await refresh(b.app, mallory.refreshToken)).json()
  t.equal(await verify(b.app, next.access_token), 200)
  t.strictSame(next.user.roles, [])
})

t.test('a demoted administrator is refused at /admin before any list in memory has the demotion', async t => {
  const { app, stores } = await buildTestApp(t)
  const mallory = await signUpAdmin(app)
  t.equal((await get(app, '/admin/users', mallory.accessToken)).statusCode, 200)
  await stores.db.users.setRoles(mallory.userId, [])
  t.equal((await get(app, '/admin/users', mallory.accessToken)).json().code, 'token_stale')
  t.equal((await patchRoles(app, mallory, mallory.accessToken, ['admin'])).statusCode, 401)
})

t.test('an administrator who is demoted while sending a request body is refused', async t => {
  const { app } = await buildTestApp(t)
  const mallory = await signUpAdmin(app)
  const body = JSON.stringify({ email: 'accomplice@example.com', roles: ['admin'] })
  const headers = { authorization: `Bearer ${mallory.accessToken}`, 'content-type': 'application/json' }
  const answer = await requestInParts(app, { method: 'POST', path: '/admin/users', headers, body }, async () => {
    await setRoles(app.context, mallory.email, [], 'test')
  })
  t.match(answer, { status: 401, body: { code: 'token_stale' } })
  t.equal(await app.context.db.users.findByEmail('accomplice@example.com'), undefined)

  const client = await makeClient(app, 'admin')
  const { access_token } = (
    await app.inject({
      method: 'POST',
      url: '/oauth/token',
      payload: 'grant_type=client_credentials',
      headers: { authorization: client.basic, 'content-type': 'application/x-www-form-urlencoded' },
    })
  ).json()
  const asClient = { ...headers, authorization: `Bearer ${access_token}` }
  const request = { method: 'POST', path: '/admin/users', headers: asClient, body }
  const refused = await requestInParts(app, request, async () => {
    await app.context.db.clients.remove(client.name)
  })
  t.match(refused, { status: 401, body: { code: 'token_revoked' } }, 'a client removed meanwhile is refused too')
})

/** Starts a request that is authorized and then waits for its sender's row, while the sender is demoted. */
async function underWay({ database }: TestApp, sender: Person, request: () => Promise<LightMyRequestResponse>) {
  const answer = await database.admin.begin(async sql => {
    await sql`update users set roles = '{}', roles_version = roles_version + 1 where id = ${sender.userId}`
    const answer = request()
    await sleep(300)
    return { answer }
  })
  return (await answer.answer).json()
}

t.test('an admin request in progress when its sender is demoted has no effect', async t => {
  const test = await buildTestApp(t)
  const { app } = test
  const [victim, accomplice] = [await signUpAdmin(app), await signUp(app)]
  const requests: Record<
    string,
    [method: 'POST' | 'PATCH' | 'DELETE', path: (mallory: Person) => string, body?: object]
  > = {
    'restoring their own role': ['PATCH', ({ userId }) => `/admin/users/${userId}`, { roles: ['admin', 'more'] }],
    'the role admin for an accomplice': ['PATCH', () => `/admin/users/${accomplice.userId}`, { roles: ['admin'] }],
    'an account for an accomplice': ['POST', () => '/admin/users', { email: 'evil@example.com', roles: ['admin'] }],
    'a temporary password for another user': ['POST', () => `/admin/users/${victim.userId}/temporary-password`],
    'disabling another user': ['POST', () => `/admin/users/${victim.userId}/disable`],
    'revoking the sessions of another user': ['DELETE', () => `/admin/users/${victim.userId}/sessions`],
    'signing out all administrators': ['POST', () => '/admin/revocations', { role: 'admin' }],
  }
  for (const [what, [method, path, payload]] of Object.entries(requests)) {
    const mallory = await signUpAdmin(app)
    const headers = { authorization: `Bearer ${mallory.accessToken}` }
    const send = () => app.inject({ method, url: path(mallory), headers, ...(payload && { payload }) })
    t.equal((await underWay(test, mallory, send)).code, 'insufficient_role', what)
    t.strictSame((await app.context.db.users.findById(mallory.userId))?.roles, [], what)
  }
  t.equal(await app.context.db.users.findByEmail('evil@example.com'), undefined)
  t.strictSame((await app.context.db.users.findById(accomplice.userId))?.roles, [])
  t.equal(await verify(app, victim.accessToken), 200)
})

t.test('setting the roles that an account already has writes nothing, in any order', async t => {
  const { app, database } = await buildTestApp(t)
  const admin = await signUpAdmin(app)
  const ada = await signUpAdmin(app)
  await setRoles(app.context, ada.email, ['editor', 'admin'], 'test')
  const { accessToken } = await signIn(app, ada.email)
  const written = async () => {
    const [row] = await database.admin`select (select count(*) from security_events) as events,
      (select count(*) from revocations) as entries, roles_version, updated_at from users where id = ${ada.userId}`
    return row
  }
  const before = await written()
  for (const roles of [
    ['editor', 'admin'],
    ['admin', 'editor'],
    ['admin', 'editor', 'admin'],
  ])
    t.equal((await patchRoles(app, ada, admin.accessToken, roles)).statusCode, 200)
  t.same(await written(), before)
  t.equal(await verify(app, accessToken), 200)
})

t.test('two hundred role changes do not move iat ahead of the clock', async t => {
  const { app, database } = await buildTestApp(t)
  const ada = await signUpAdmin(app)
  for (let change = 0; change < 200; change++) await setRoles(app.context, ada.email, [`role${change % 2}`], 'test')
  const { access_token } = (await refresh(app, ada.refreshToken)).json()
  const [row] = await database.admin`select extract(epoch from clock_timestamp())::float8 as now`
  t.ok(Number(payloadOf(access_token).iat) <= row!.now, 'iat is not in the future')
  t.equal(await verify(app, access_token), 200)
})

t.test('roles that a token cannot carry are left out of it, and GET /auth/verify answers 200', async t => {
  const { app, database } = await buildTestApp(t)
  const ada = await signUpAdmin(app)
  const many = Array.from({ length: 100 }, (_, n) => `role-${n}-${'x'.repeat(50)}`)
  for (const roles of [
    ['reader', 'x,admin'],
    ['reader', 'über\nX-Evil: 1'],
    ['reader', ''],
    ['reader', 'rea\u200Dder'],
    ['reader', ' admin'],
    many,
  ]) {
    await database.admin`update users set roles = ${roles} where id = ${ada.userId}`
    const { accessToken } = await signIn(app, ada.email)
    const response = await get(app, '/auth/verify', accessToken)
    t.equal(response.statusCode, 200)
    t.equal(response.headers['x-auth-roles'], roles === many ? many.slice(0, 35).join(',') : 'reader')
  }
})

t.test('a demotion also applies on instances of the previous version and to its tokens', async t => {
  const { app, database } = await buildTestApp(t)
  const mallory = await signUpAdmin(app)
  await setRoles(app.context, mallory.email, [], 'test')
  const [row] = await database.admin`
    select bound_version, extract(epoch from bound_at)::float8 as before from revocations where subject = ${mallory.userId}`
  // The previous version reads a row without bound_version as one with a time, and knows no other bound.
  t.equal(row!.bound_version, null)
  const { list } = app.context.revocations
  const facts = { kid: 'k', jti: 'j', sessionId: 's', userId: mallory.userId, tokenVersion: 0, rolesVersion: undefined }
  t.equal(list.refuses({ ...facts, issuedAt: row!.before - 1, authTime: row!.before - 1 }), 'stale')
  t.equal(list.refuses({ ...facts, issuedAt: row!.before, authTime: row!.before - 1 }), undefined)
  const entry = [...list.entries()].find(({ kind }) => kind === 'user')
  t.match(entry, { belowRolesVersion: 2, before: row!.before }, 'the stream and a repair carry both bounds')
})
