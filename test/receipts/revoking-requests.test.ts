import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import type { FastifyInstance, InjectOptions } from 'fastify'
import t, { type Test } from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { asClient, clientToken, makeClient, postForm, signUpAdmin } from '../support/clients.js'
import { PASSWORD, signIn, signUp } from '../support/people.js'
import { registerVerifier } from './verifier-over-http.js'

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

t.test('without Prefer nothing waits, and the answer says nothing about receipts', async t => {
  const { app } = await buildTestApp(t)
  await registerVerifier(app)
  const { accessToken } = await signUp(app)
  const answer = await app.inject({ method: 'POST', url: '/auth/logout', headers: bearer(accessToken) })
  t.equal(answer.statusCode, 204)
  t.equal(answer.headers['revocation-receipt'], undefined)
  t.equal(answer.headers['preference-applied'], undefined)
})

t.test('a sign-out is answered with 204 when the last verifier has applied it', async t => {
  const { app } = await buildTestApp(t)
  const [first, second] = [await registerVerifier(app), await registerVerifier(app)]
  const { accessToken } = await signUp(app)
  await first.confirm()
  const answer = app.inject({
    method: 'POST',
    url: '/auth/logout',
    headers: { ...bearer(accessToken), prefer: 'wait=20' },
  })
  const isOver = { yet: false }
  void answer.then(() => {
    isOver.yet = true
  })
  await eventuallyRevoked(app)
  await first.confirm()
  await new Promise(resolve => setTimeout(resolve, 150))
  t.equal(isOver.yet, false)
  t.equal((await second.confirm()).statusCode, 204)
  const { statusCode, headers, body } = await answer
  t.equal(statusCode, 204)
  t.equal(body, '')
  t.equal(headers['preference-applied'], 'wait=20')
  t.equal(headers['revocation-receipt'], 'complete')
})

t.test('when the time is over, the answer is 202 and names who lags; a repeated request waits again', async t => {
  const { app } = await buildTestApp(t)
  const slow = await registerVerifier(app, { name: 'slow-service' })
  const { accessToken } = await signUp(app)
  const logOut = (prefer: string) =>
    app.inject({ method: 'POST', url: '/auth/logout', headers: { ...bearer(accessToken), prefer } })
  const answer = await logOut('wait=0')
  t.equal(answer.statusCode, 202)
  t.match(answer.headers['content-type'], /^application\/json/)
  t.equal(answer.headers['revocation-receipt'], 'pending;verifiers=1')
  t.equal(answer.headers['preference-applied'], 'wait=0')
  t.ok(answer.headers['set-cookie'], 'the cookies are cleared all the same')
  t.match(answer.json(), {
    status: 'pending',
    reason: 'verifiers_pending',
    detail: 'Revoked. One verifier has not confirmed it yet: slow-service.',
    total: 1,
    verifiers: [
      {
        name: 'slow-service',
        state: 'starting',
      },
    ],
  })
  checkSchema(t, app, answer.json())
  await slow.confirm()
  t.equal((await logOut('wait=0')).statusCode, 204)
})

t.test('a verifier that is cut off is named until it refuses every token', async t => {
  const { app, clock } = await buildTestApp(t)
  const verifier = await registerVerifier(app, { name: 'cut', maxStalenessSeconds: 10 })
  await verifier.confirm()
  await app.context.db.verifiers.release([{ connectionId: verifier.connectionId, hasNoList: false }], 2)
  const { accessToken } = await signUp(app)
  const logOut = () =>
    app.inject({ method: 'POST', url: '/auth/logout', headers: { ...bearer(accessToken), prefer: 'wait=0' } })
  t.match((await logOut()).json(), { total: 1, verifiers: [{ name: 'cut', state: 'cut_off' }] })
  await clock.advance(13)
  t.equal((await logOut()).statusCode, 204)
})

t.test('a longer time than 20 seconds is 20 seconds, and a malformed preference is ignored', async t => {
  const { app } = await buildTestApp(t)
  const { accessToken } = await signUp(app)
  const logOut = (prefer: string) =>
    app.inject({ method: 'POST', url: '/auth/logout', headers: { ...bearer(accessToken), prefer } })
  t.equal((await logOut('respond-async, wait=3600')).headers['preference-applied'], 'wait=20')
  for (const prefer of ['wait=soon', 'wait', 'return=minimal']) {
    const { statusCode, headers } = await logOut(prefer)
    t.equal(statusCode, 204)
    t.equal(headers['preference-applied'], undefined)
  }
})

t.test('every request that revokes gives a receipt', async t => {
  const { app } = await buildTestApp(t)
  const verifier = await registerVerifier(app)
  const admin = bearer((await signUpAdmin(app)).accessToken)
  const oauth = await makeClient(app, 'revocations')
  const prefer = { prefer: 'wait=0' }
  const user = async () => signUp(app)

  const requests: [string, () => Promise<InjectOptions>, number][] = [
    [
      'others',
      async () => ({ method: 'DELETE', url: '/auth/sessions/others', headers: bearer((await user()).accessToken) }),
      202,
    ],
    [
      'one session',
      async () => {
        const { accessToken, email } = await user()
        const { sessionId } = await signIn(app, email)
        return { method: 'DELETE', url: `/auth/sessions/${sessionId}`, headers: bearer(accessToken) }
      },
      202,
    ],
    [
      'change of password',
      async () => ({
        method: 'POST',
        url: '/auth/change-password',
        headers: bearer((await user()).accessToken),
        payload: { current_password: PASSWORD, new_password: 'another passphrase of the tests' },
      }),
      200,
    ],
    [
      'disable',
      async () => ({ method: 'POST', url: `/admin/users/${(await user()).userId}/disable`, headers: admin }),
      202,
    ],
    ['delete', async () => ({ method: 'DELETE', url: `/admin/users/${(await user()).userId}`, headers: admin }), 202],
    [
      'sessions',
      async () => ({ method: 'DELETE', url: `/admin/users/${(await user()).userId}/sessions`, headers: admin }),
      202,
    ],
    [
      'a session of a user',
      async () => {
        const { userId, sessionId } = await user()
        return { method: 'DELETE', url: `/admin/users/${userId}/sessions/${sessionId}`, headers: admin }
      },
      202,
    ],
    [
      'roles',
      async () => ({
        method: 'PATCH',
        url: `/admin/users/${(await user()).userId}`,
        headers: admin,
        payload: { roles: ['editor'] },
      }),
      200,
    ],
    [
      'temporary password',
      async () => ({ method: 'POST', url: `/admin/users/${(await user()).userId}/temporary-password`, headers: admin }),
      200,
    ],
    [
      'a role',
      async () => ({ method: 'POST', url: '/admin/revocations', headers: admin, payload: { role: 'nobody' } }),
      202,
    ],
  ]
  for (const [name, request, status] of requests) {
    const options = await request()
    await signUp(app)
    await verifier.report({ position: '1795870000/3:3:' })
    const { statusCode, headers, body } = await app.inject({ ...options, headers: { ...options.headers, ...prefer } })
    t.equal(statusCode, status, `${name}: ${body}`)
    t.equal(headers['revocation-receipt'], 'pending;verifiers=1', name)
  }

  const token = await clientToken(app, oauth)
  const revoked = await postForm(app, '/oauth/revoke', { token }, { authorization: oauth.basic, ...prefer })
  t.equal(revoked.statusCode, 200)
  t.equal(revoked.headers['revocation-receipt'], 'pending;verifiers=1')
})

t.test('a request that is refused does not wait', async t => {
  const { app } = await buildTestApp(t)
  await registerVerifier(app)
  const { statusCode, headers } = await app.inject({
    method: 'POST',
    url: '/auth/logout',
    headers: { prefer: 'wait=20' },
  })
  t.equal(statusCode, 401)
  t.equal(headers['revocation-receipt'], undefined)
})

t.test('a repeated DELETE that finds no session any more still waits', async t => {
  const { app } = await buildTestApp(t)
  const verifier = await registerVerifier(app)
  const { accessToken, email } = await signUp(app)
  const { sessionId } = await signIn(app, email)
  const revoke = () =>
    app.inject({
      method: 'DELETE',
      url: `/auth/sessions/${sessionId}`,
      headers: { ...bearer(accessToken), prefer: 'wait=0' },
    })
  t.equal((await revoke()).statusCode, 202)
  const again = await revoke()
  t.equal(again.statusCode, 404)
  t.equal(again.headers['revocation-receipt'], 'pending;verifiers=1')
  await verifier.confirm()
  t.equal((await revoke()).headers['revocation-receipt'], 'complete')
})

t.test('the list of verifiers is for administrators, and shows states', async t => {
  const { app, clock } = await buildTestApp(t)
  const [confirmed, gone] = [await registerVerifier(app, { name: 'a' }), await registerVerifier(app, { name: 'b' })]
  await registerVerifier(app, { name: 'c' })
  await confirmed.confirm()
  await app.context.db.verifiers.release([{ connectionId: gone.connectionId, hasNoList: false }], 2)
  const list = async (headers: Record<string, string>) =>
    app.inject({ method: 'GET', url: '/admin/verifiers', headers })
  const admin = await asClient(app, 'admin')
  t.match((await list(admin)).json().verifiers, [
    { name: 'a', state: 'following', lag_seconds: 0, client_name: confirmed.client.name, max_staleness_seconds: 30 },
    { name: 'b', state: 'cut_off', lag_seconds: null },
    { name: 'c', state: 'starting', lag_seconds: null, confirmed_at: null },
  ])
  await clock.advance(14)
  t.equal((await list(await asClient(app, 'admin'))).json().verifiers[0].state, 'following')
  await clock.advance(26)
  const later = (await list(await asClient(app, 'admin'))).json().verifiers
  t.equal(later[0].state, 'cut_off', 'an instance that was killed does not renew its leases')
  t.equal(later[1].state, 'stale')
  t.equal((await list({ authorization: confirmed.authorization })).statusCode, 403)
  t.equal((await list(bearer((await signUp(app)).accessToken))).statusCode, 403)
})

t.test('the list of verifiers has pages, which together have each of them once', async t => {
  const { app } = await buildTestApp(t)
  for (const name of ['b', 'a', 'b', 'c', 'b']) await registerVerifier(app, { name })
  const admin = await asClient(app, 'admin')
  const page = (query: string) => app.inject({ url: `/admin/verifiers?${query}`, headers: admin })
  const found: { id: string; name: string }[] = []
  for (let cursor = ''; ; ) {
    const { verifiers, next_cursor } = (await page(`limit=2${cursor}`)).json()
    t.ok(verifiers.length <= 2)
    found.push(...verifiers)
    if (next_cursor === null) break
    cursor = `&cursor=${next_cursor}`
  }
  t.equal(found.map(({ name }) => name).join(''), 'abbbc')
  t.equal(new Set(found.map(({ id }) => id)).size, 5)
  for (const query of ['limit=0', 'limit=1001', 'limit=x', 'cursor=x', `cursor=${btoa('["a","b"]')}`, 'cursor=W10'])
    t.match((await page(query)).json(), { status: 400, code: 'invalid_request' }, query)
})

/** Waits until the journal has an entry. */
async function eventuallyRevoked(app: FastifyInstance): Promise<void> {
  while ((await app.context.db.journalFeed.readAll()).entries.length === 0)
    await new Promise(resolve => setTimeout(resolve, 10))
}

/** The body of a 202 is the one that the OpenAPI document describes. */
function checkSchema(t: Test, app: FastifyInstance, body: unknown): void {
  const ajv = formats.default(new Ajv2020({ strict: false, allErrors: true }))
  ajv.addSchema(app.swagger(), 'api')
  const validate = ajv.compile({ $ref: 'api#/components/schemas/PendingReceipt' })
  t.ok(validate(body), ajv.errorsText(validate.errors))
}
