import t from 'tap'
import { registerVerifier } from '../receipts/verifier-over-http.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { makeClient, postForm, signUpAdmin } from '../support/clients.js'
import { signUp } from '../support/people.js'

const UNKNOWN = '00000000-0000-4000-8000-000000000000'

const TOO_MANY = 'unknown;reason=too_many_waiting'

type Answer = Awaited<ReturnType<typeof postForm>>

/** Resolves when so many requests were refused a place; the others are waiting then. Fails if fewer are refused. */
async function refused(asked: readonly Promise<Answer>[], number: number): Promise<void> {
  let count = 0
  await new Promise<void>((resolve, reject) => {
    for (const answer of asked)
      answer.then(
        ({ headers }) => headers['revocation-receipt'] === TOO_MANY && ++count === number && resolve(),
        reject,
      )
    Promise.all(asked).then(() => reject(new Error(`${count} were refused, not ${number}`)), reject)
  })
}

t.test('a user who keeps many requests waiting takes no place of another user', async t => {
  const { app } = await buildTestApp(t)
  await registerVerifier(app)
  const [evil, ada] = [await signUp(app), await signUp(app)]
  const wait = ({ accessToken }: { accessToken: string }, seconds: number) =>
    app.inject({
      method: 'DELETE',
      url: `/auth/sessions/${UNKNOWN}`,
      headers: { authorization: `Bearer ${accessToken}`, prefer: `wait=${seconds}` },
    })
  const asked = Array.from({ length: 15 }, () => wait(evil, 2))
  await refused(asked, 5)
  t.equal((await wait(ada, 0)).headers['revocation-receipt'], 'pending;verifiers=1')
  const answers = await Promise.all(asked)
  t.equal(answers.filter(({ headers }) => headers['revocation-receipt'] === TOO_MANY).length, 5)
})

t.test('a client that keeps many requests waiting takes no place of an administrator', async t => {
  const { app } = await buildTestApp(t)
  await registerVerifier(app)
  const evil = await makeClient(app, 'revocations')
  const admin = await signUpAdmin(app)
  const headers = { authorization: evil.basic, prefer: 'wait=3' }
  const asked = Array.from({ length: 260 }, () => postForm(app, '/oauth/revoke', { token: 'abc' }, headers))
  await refused(asked, 10)
  t.equal((await revokeAsAdmin(app, admin)).headers['revocation-receipt'], 'pending;verifiers=1')
  const answers = await Promise.all(asked)
  t.equal(answers.filter(({ headers }) => headers['revocation-receipt'] === TOO_MANY).length, 10)
})

t.test('all users together take no place of an administrator', async t => {
  const { app } = await buildTestApp(t)
  await registerVerifier(app)
  const admin = await signUpAdmin(app)
  const over = new AbortController()
  const waiting = Array.from({ length: 500 }, () => app.context.receipts.wait(20, { signal: over.signal }))
  const logout = await app.inject({
    method: 'DELETE',
    url: `/auth/sessions/${UNKNOWN}`,
    headers: { authorization: `Bearer ${admin.accessToken}`, prefer: 'wait=0' },
  })
  t.equal(logout.headers['revocation-receipt'], TOO_MANY, 'users have half of the places')
  t.equal((await revokeAsAdmin(app, admin)).headers['revocation-receipt'], 'pending;verifiers=1')
  over.abort()
  await Promise.all(waiting)
})

function revokeAsAdmin(app: TestApp['app'], { userId, accessToken }: Awaited<ReturnType<typeof signUpAdmin>>) {
  return app.inject({
    method: 'DELETE',
    url: `/admin/users/${userId}/sessions`,
    headers: { authorization: `Bearer ${accessToken}`, prefer: 'wait=0' },
  })
}

t.test('a user learns no id, client or time of a service from a receipt, an administrator does', async t => {
  const { app } = await buildTestApp(t)
  await registerVerifier(app, { name: 'orders' })
  const ada = await signUp(app)
  const admin = await signUpAdmin(app)
  const ask = (method: 'POST' | 'DELETE', url: string, token: string) =>
    app.inject({ method, url, headers: { authorization: `Bearer ${token}`, prefer: 'wait=0' } })
  const answer = (await ask('POST', '/auth/logout', ada.accessToken)).json()
  t.strictSame(answer.verifiers, [{ name: 'orders', state: 'starting' }])
  const { verifiers } = (await ask('DELETE', `/admin/users/${ada.userId}/sessions`, admin.accessToken)).json()
  t.match(verifiers, [{ id: String, client_id: String, live_until: String }])
})
