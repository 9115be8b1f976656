import { createVerifier, type Verifier } from '@latchkey/verifier'
import t, { type Test } from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { asClient, clientToken, makeClient, postForm } from '../support/clients.js'
import { claimsOf, get, post, refresh, signIn, signUp, verify } from '../support/people.js'

async function start(t: Test, overrides: NodeJS.ProcessEnv = {}) {
  const test = await buildTestApp(t, overrides)
  const client = await makeClient(test.app, 'admin', 'sessions', 'introspect')
  const authorization = `Bearer ${await clientToken(test.app, client, 'admin')}`
  const put = (url: string, payload: unknown) =>
    test.app.inject({
      method: 'PUT',
      url,
      payload: JSON.stringify(payload),
      headers: { authorization, 'content-type': 'application/json' },
    })
  return {
    ...test,
    client,
    authorization,
    setClaims: (userId: string, claims: unknown) => put(`/admin/users/${userId}/claims`, claims),
    setMetadata: (userId: string, metadata: unknown) => put(`/admin/users/${userId}/metadata`, metadata),
    seen: async (userId: string) =>
      (await test.app.inject({ url: `/admin/users/${userId}`, headers: { authorization } })).json(),
  }
}

const CLAIMS = { tenant: 'acme', 'https://example.com/plan': { name: 'team', seats: 5 }, beta: true }

t.test('a change of claims makes earlier access tokens stale, and the next ones have the new claims', async t => {
  const test = await start(t)
  const { app, client, setClaims, database, clock, config } = test
  const { app: other } = await test.another()
  const ada = await signUp(app)
  t.notOk('ext' in claimsOf(ada.accessToken), 'without claims a token is as before')

  t.match(await setClaims(ada.userId, CLAIMS), { statusCode: 204, body: '' })
  t.equal(await verify(app, ada.accessToken), 'token_stale')
  await other.context.revocations.readJournal()
  t.equal(await verify(other, ada.accessToken), 'token_stale', 'every instance refuses it')
  await clock.advance(config.refresh.minAgeSeconds)
  const tokens = (await refresh(app, ada.refreshToken)).json()
  t.same(claimsOf(tokens.access_token).ext, CLAIMS, 'the session goes on')
  t.same(tokens.user.claims, CLAIMS)
  t.same((await get(app, '/auth/profile', tokens.access_token)).json().claims, CLAIMS)
  const introspected = await postForm(
    app,
    '/oauth/introspect',
    { token: tokens.access_token },
    { authorization: client.basic },
  )
  t.same(introspected.json().ext, CLAIMS)
  t.same(claimsOf((await signIn(app, ada.email)).accessToken).ext, CLAIMS, 'a sign-in has them too')

  t.equal(
    (
      await setClaims(ada.userId, {
        beta: true,
        tenant: 'acme',
        'https://example.com/plan': { seats: 5, name: 'team' },
      })
    ).statusCode,
    204,
  )
  t.equal(await verify(app, tokens.access_token), 200, 'the same claims in another order change nothing')
  t.equal((await setClaims(ada.userId, { tenant: 'other', beta: true })).statusCode, 204)
  t.equal((await setClaims(ada.userId, {})).statusCode, 204)
  t.notOk('ext' in claimsOf((await signIn(app, ada.email)).accessToken), 'an empty object removes them')
  const events = await database.admin`
    select actor, details from security_events where type = 'claims_changed' order by id`
  t.same(events, [
    { actor: client.id, details: { claims: ['beta', 'https://example.com/plan', 'tenant'] } },
    { actor: client.id, details: { claims: ['https://example.com/plan', 'tenant'] } },
    { actor: client.id, details: { claims: ['beta', 'tenant'] } },
  ])
  const own = (await get(app, '/auth/events', (await signIn(app, ada.email)).accessToken)).json().events
  t.match(
    own.find(({ type }: { type: string }) => type === 'claims_changed'),
    { actor: 'administrator', details: {} },
    'the owner does not see which',
  )
})

t.test('a change of roles and a change of claims raise the same version', async t => {
  const { app, setClaims, authorization } = await start(t)
  const ada = await signUp(app)
  await setClaims(ada.userId, { tenant: 'acme' })
  const { access_token: first } = (await refresh(app, ada.refreshToken)).json()
  await app.inject({
    method: 'PATCH',
    url: `/admin/users/${ada.userId}`,
    headers: { authorization },
    payload: { roles: ['editor'] },
  })
  t.equal(await verify(app, first), 'token_stale')
  t.match(claimsOf((await refresh(app, ada.refreshToken)).json().access_token), {
    roles: ['editor'],
    ext: { tenant: 'acme' },
    roles_version: 2,
  })
})

t.test('claims that tokens cannot carry are refused', async t => {
  const { app, setClaims } = await start(t)
  const ada = await signUp(app)
  const refused = async (claims: unknown, expected: object) =>
    t.match((await setClaims(ada.userId, claims)).json(), { status: 422, code: 'invalid_claims', ...expected })
  for (const name of ['sub', 'exp', 'iss', 'client_id', 'roles', 'scope', 'sid', 'ver', 'gen', 'roles_version'])
    await refused({ [name]: 'x' }, { errors: [{ field: name }] })
  for (const name of ['', 'a b', 'ä', 'a'.repeat(65), 'a"b']) await refused({ [name]: 1 }, { errors: [{}] })
  await refused({ a: { b: { c: { d: {} } } } }, { detail: 'The value is nested too deeply.' })
  await refused({ a: 'x'.repeat(1017) }, { detail: 'The value must have at most 1024 bytes as JSON, and has 1025.' })
  await refused({ a: '\0' }, { detail: 'The value contains a character that cannot be stored.' })
  await refused({ a: ['\ud800'] }, { detail: 'The value contains a character that cannot be stored.' })
  for (const body of [[], null, 'text', 1])
    t.match((await setClaims(ada.userId, body)).json(), { status: 400, code: 'invalid_request' })
  t.equal(await verify(app, ada.accessToken), 200, 'nothing has changed')

  t.equal((await setClaims(ada.userId, { a: { b: { c: [] } } })).statusCode, 204)
  t.equal((await setClaims(ada.userId, { a: 'x'.repeat(1016) })).statusCode, 204)
  t.equal((await setClaims('00000000-0000-7000-8000-000000000000', {})).json().code, 'user_not_found')
})

t.test('roles and claims together never make a token longer than a cookie can be', async t => {
  for (const algorithm of ['ES256', 'RS256']) {
    const { app, setClaims, authorization } = await start(t, {
      JWT_ALGORITHM: algorithm,
      PUBLIC_ORIGIN: 'https://accounts.example-company.com',
    })
    const ada = await signUp(app)
    const setRoles = (roles: string[]) =>
      app.inject({ method: 'PATCH', url: `/admin/users/${ada.userId}`, headers: { authorization }, payload: { roles } })
    t.equal((await setClaims(ada.userId, { a: 'x'.repeat(1016) })).statusCode, 204)
    const many = Array.from({ length: 25 }, (_, n) => `${n}`.padStart(40, 'r'))
    t.match((await setRoles([...many, 'one-more-role-that-is-long'.repeat(2)])).json(), { code: 'invalid_role' })
    t.equal((await setRoles(many)).statusCode, 200)
    const { accessToken } = await signIn(app, ada.email)
    t.ok(`__Host-latchkey-at=${accessToken}`.length <= 4096, `${accessToken.length} characters with ${algorithm}`)
    t.equal(await verify(app, accessToken), 200)

    t.equal((await setClaims(ada.userId, {})).statusCode, 204)
    t.equal(
      (await setRoles([...many, ...many.slice(1).map(role => `${role}s`)])).statusCode,
      200,
      'without claims there is room',
    )
    t.match((await setClaims(ada.userId, { a: 'x'.repeat(100) })).json(), {
      code: 'invalid_claims',
      detail: /beside the roles/,
    })
  }
})

t.test('what was written into the database by hand makes no token invalid', async t => {
  const { app, database } = await start(t)
  const ada = await signUp(app)
  for (const claims of ['[1]', '"text"', `{"a": "${'x'.repeat(5000)}"}`]) {
    await database.admin`update users set claims = ${claims}::text::jsonb where id = ${ada.userId}`
    const { accessToken } = await signIn(app, ada.email)
    t.notOk('ext' in claimsOf(accessToken))
    t.equal(await verify(app, accessToken), 200)
  }
})

t.test('sessions that a client opened carry claims as they carry roles', async t => {
  const { app, client, setClaims } = await start(t)
  const ada = await signUp(app)
  await setClaims(ada.userId, { tenant: 'acme' })
  const open = async (headers: { authorization: string }) => {
    const opened = await post(app, `/admin/users/${ada.userId}/sessions`, {}, headers)
    return claimsOf(opened.json().access_token)
  }
  t.notOk('ext' in (await open(await asClient(app, 'sessions'))))
  t.same((await open({ authorization: `Bearer ${await clientToken(app, client)}` })).ext, { tenant: 'acme' })
})

t.test('JWT_CLAIMS_NAMESPACE names the claim, and a verifier reads it', async t => {
  const namespace = 'https://example.com/claims'
  const { app, config, setClaims, client } = await start(t, { JWT_CLAIMS_NAMESPACE: namespace })
  const ada = await signUp(app)
  await setClaims(ada.userId, { tenant: 'acme', limits: { seats: 5 } })
  const { accessToken } = await signIn(app, ada.email)
  t.same(claimsOf(accessToken)[namespace], { tenant: 'acme', limits: { seats: 5 } })
  const introspected = await postForm(app, '/oauth/introspect', { token: accessToken }, { authorization: client.basic })
  t.same(introspected.json()[namespace], { tenant: 'acme', limits: { seats: 5 } })

  const fetchKeys = async (url: unknown) => {
    const { body, statusCode, headers } = await app.inject(new URL(String(url)).pathname)
    return new Response(body, { status: statusCode, headers: headers as Record<string, string> })
  }
  const options = { issuer: config.issuer, fetch: fetchKeys as typeof fetch, log: { info() {}, warn() {}, error() {} } }
  const verifier = createVerifier<{ tenant: string; limits: { seats: number } }>({
    ...options,
    claimsNamespace: namespace,
  })
  // Adapters accept a verifier whatever the types of its claims.
  const forAdapters: Verifier = verifier
  t.teardown(() => forAdapters.close())
  await verifier.ready()
  const { claims } = await verifier.verify(accessToken)
  t.equal(claims.tenant?.toUpperCase(), 'ACME', 'the type is that of the application')
  t.equal(claims.limits?.seats, 5)
  t.throws(() => Object.assign(claims.limits!, { seats: 500 }), TypeError, 'another request gets the same object')

  const another = createVerifier(options)
  t.teardown(() => another.close())
  await another.ready()
  t.same((await another.verify(accessToken)).claims, {}, 'a verifier with another name sees none')
})

t.test('metadata stays out of tokens and out of what the user sees', async t => {
  const { app, setMetadata, seen, database, client } = await start(t)
  const ada = await signUp(app)
  const metadata = { crm: { id: 4711 }, notes: ['called twice'] }
  t.equal((await setMetadata(ada.userId, metadata)).statusCode, 204)
  t.equal((await setMetadata(ada.userId, { notes: ['called twice'], crm: { id: 4711 } })).statusCode, 204, 'no change')
  t.equal(await verify(app, ada.accessToken), 200, 'tokens stay valid')
  t.same((await seen(ada.userId)).metadata, metadata)
  const { accessToken } = await signIn(app, ada.email)
  t.notMatch(JSON.stringify(claimsOf(accessToken)), 'crm')
  for (const url of ['/auth/profile', '/auth/events', '/auth/sessions'])
    t.notMatch((await get(app, url, accessToken)).body, /crm|metadata/, url)
  t.same(await database.admin`select actor, details from security_events where type = 'metadata_changed'`, [
    { actor: client.id, details: null },
  ])

  const size = (length: number) => ({ a: 'x'.repeat(length) })
  t.equal((await setMetadata(ada.userId, size(16 * 1024 - 8))).statusCode, 204)
  t.match((await setMetadata(ada.userId, size(16 * 1024 - 7))).json(), { status: 422, code: 'invalid_metadata' })
  t.equal((await setMetadata(ada.userId, {})).statusCode, 204)
  t.same((await seen(ada.userId)).metadata, {})
  t.equal((await setMetadata(ada.userId, metadata)).statusCode, 204)
  await app.inject({ method: 'DELETE', url: `/admin/users/${ada.userId}`, headers: await asClient(app, 'admin') })
  t.same(await database.admin`select 1 from user_metadata`, [], 'it is deleted with the account')
})
