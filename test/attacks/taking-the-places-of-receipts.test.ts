import t from 'tap'
import { registerVerifier } from '../receipts/verifier-over-http.js'
import { buildTestApp } from '../support/build-test-app.js'
import { makeClient, postForm, signUpAdmin } from '../support/clients.js'
import { signUp } from '../support/people.js'

const UNKNOWN = '00000000-0000-4000-8000-000000000000'

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
  const answers = await Promise.all(Array.from({ length: 15 }, () => wait(evil, 2)))
  const refused = answers.filter(({ headers }) => headers['revocation-receipt'] === 'unknown;reason=too_many_waiting')
  t.equal(refused.length, 5)
  t.equal((await wait(ada, 0)).headers['revocation-receipt'], 'pending;verifiers=1')
})

t.test('a client that keeps many requests waiting takes no place of an administrator', async t => {
  const { app } = await buildTestApp(t)
  await registerVerifier(app)
  const evil = await makeClient(app, 'revocations')
  const headers = { authorization: evil.basic, prefer: 'wait=3' }
  const asked = Array.from({ length: 260 }, () => postForm(app, '/oauth/revoke', { token: 'abc' }, headers))
  const admin = await signUpAdmin(app)
  const receipt = await app.inject({
    method: 'DELETE',
    url: `/admin/users/${admin.userId}/sessions`,
    headers: { authorization: `Bearer ${admin.accessToken}`, prefer: 'wait=0' },
  })
  t.equal(receipt.headers['revocation-receipt'], 'pending;verifiers=1')
  const answers = await Promise.all(asked)
  const refused = answers.filter(({ headers }) => headers['revocation-receipt'] === 'unknown;reason=too_many_waiting')
  t.equal(refused.length, 10)
})

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
