import { once } from 'node:events'
import { request } from 'node:http'
import t from 'tap'
import { startFaultProxy } from '../support/fault-proxy.js'
import { PASSWORD, post, refresh, signUp, verify } from '../support/people.js'
import { listen } from '../support/raw-request.js'
import { startInstances } from './instances.js'

// Postgres has committed, and the response is lost. The retry of a refresh gets the same successor.

t.test('a retry gets the same successor if the answer to a refresh was lost on its way to the client', async t => {
  const { a, b } = await startInstances(t)
  const ada = await signUp(a.app)
  const port = await listen(a.app)
  const network = await startFaultProxy(t, { target: `http://127.0.0.1:${port}` })
  const ask = async () => {
    const sent = request(`${network.url}auth/refresh`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      agent: false,
    })
    sent.end(JSON.stringify({ refresh_token: ada.refreshToken }))
    const [answer] = await once(sent, 'response')
    let text = ''
    for await (const chunk of answer) text += chunk
    return JSON.parse(text).refresh_token as string
  }
  network.cutAfter(0, 'down')
  await t.rejects(ask(), { code: 'ECONNRESET' })
  const successor = await ask()
  t.not(successor, ada.refreshToken, 'the first request had rotated')
  t.equal(
    (await refresh(b.app, ada.refreshToken)).json().refresh_token,
    successor,
    'the other instance gives the same one',
  )
  t.equal((await refresh(b.app, successor)).statusCode, 200)
})

t.test('a retry gets the same successor if the answer of Postgres to a rotation was lost', async t => {
  const { a, b, postgres } = await startInstances(t)
  const people = await Promise.all(Array.from({ length: 8 }, () => signUp(a.app)))
  // Prepares the statement on every connection: what follows is one message to Postgres and one answer.
  await Promise.all(people.slice(1).map(({ refreshToken }) => refresh(a.app, refreshToken)))
  const [ada] = people as [(typeof people)[0]]
  const cut = postgres.cutAt(ada.sessionId, 'down')
  const lost = await refresh(a.app, ada.refreshToken)
  await cut
  t.equal(lost.statusCode, 503)
  t.equal(lost.json().code, 'store_unavailable')
  t.ok(lost.headers['retry-after'])
  t.equal(lost.headers['set-cookie'], undefined)

  const [first, second] = await Promise.all([refresh(a.app, ada.refreshToken), refresh(b.app, ada.refreshToken)])
  t.strictSame([first.statusCode, second.statusCode], [200, 200])
  t.equal(first.json().refresh_token, second.json().refresh_token)
  t.not(first.json().refresh_token, ada.refreshToken, 'it had rotated')
  t.equal((await refresh(b.app, first.json().refresh_token)).statusCode, 200)
})

t.test('a logout of which the answer of Postgres was lost is answered 503, and its retry succeeds', async t => {
  const { a, b, postgres } = await startInstances(t)
  const ada = await signUp(a.app)
  const cut = postgres.cutAt('COMMIT', 'down')
  const lost = await post(a.app, '/auth/logout', {}, { cookie: `__Host-latchkey=${ada.refreshToken}` })
  await cut
  t.equal(lost.statusCode, 503)
  t.equal(lost.headers['set-cookie'], undefined, 'the cookie is kept')
  for (const { app } of [a, b]) {
    await app.context.revocations.readJournal()
    t.equal(await verify(app, ada.accessToken), 'token_revoked', 'the commit holds, though it was not announced')
  }
  const again = await post(a.app, '/auth/logout', {}, { cookie: `__Host-latchkey=${ada.refreshToken}` })
  t.equal(again.statusCode, 204)
  t.match(String(again.headers['set-cookie']), /__Host-latchkey=;/)
})

t.test('a sign-in of which the answer of Postgres was lost is answered 503, and its retry succeeds', async t => {
  const { a, b, postgres } = await startInstances(t)
  const { email } = await signUp(a.app)
  const login = () =>
    post(a.app, '/auth/login', { email, password: PASSWORD, transport: 'body' }, { 'user-agent': 'a lost browser' })
  // The new session is in the answer of the statement, which Postgres sends after its commit.
  const cut = postgres.cutAt('a lost browser', 'down')
  const lost = await login()
  await cut
  t.equal(lost.statusCode, 503)
  const again = await login()
  t.equal(again.statusCode, 200)
  t.equal((await refresh(b.app, again.json().refresh_token)).statusCode, 200)
})
