import t from 'tap'
import { newId } from '../../src/lib/ids.js'
import { buildTestApp } from '../support/build-test-app.js'
import { asClient, clientToken, makeClient, postForm, refreshAsClient, signUpAdmin } from '../support/clients.js'
import { follow } from '../support/feed-follower.js'
import { post, signUp, verify } from '../support/people.js'
import { listen } from '../support/raw-request.js'
import { everyAddress } from './every-route.js'

const { app, config } = await buildTestApp(t, { ACCESS_COOKIE: 'on' })
const url = `http://127.0.0.1:${await listen(app)}`

t.test('only a client with the scope can follow the feed', async t => {
  const ada = await signUp(app)
  const admin = await signUpAdmin(app)
  const others = await clientToken(app, await makeClient(app, 'admin', 'sessions', 'introspect'))
  const both = await makeClient(app, 'admin', 'revocations')
  const narrowed = await clientToken(app, both, 'admin')
  const refusals = {
    'the token of a user': [ada.accessToken, 403],
    'the token of an administrator': [admin.accessToken, 403],
    'a refresh token': [ada.refreshToken, 401],
    'a client with every other scope': [others, 403],
    'a token without the scope that its client has': [narrowed, 403],
    'the secret of a client': [both.secret, 401],
    'no token': ['', 401],
  } as const
  for (const [what, [token, status]] of Object.entries(refusals)) {
    const follower = follow(t, { url, token })
    t.equal(await follower.answered(), status, what)
  }
  t.equal((await app.inject({ url: `/auth/revocations?access_token=${narrowed}` })).statusCode, 401)
  const cookie = `${config.cookie.accessName}=${ada.accessToken}`
  t.equal((await app.inject({ url: '/auth/revocations', headers: { cookie } })).statusCode, 403)
  t.same(app.context.feed.counts, { followers: 0, verifiers: 0, disconnectedAsSlow: 0 })
})

t.test('the scope opens nothing that is closed without it, except the feed and its confirmation', async t => {
  const headers = await asClient(app, 'revocations')
  const own = new Set(['/auth/revocations', '/auth/activity'])
  let tried = 0
  for (const { url, methods } of everyAddress(app)) {
    if (own.has(url)) continue
    for (const method of methods as ('GET' | 'POST' | 'PATCH' | 'DELETE')[]) {
      const payload = method === 'GET' ? {} : { payload: {} }
      const [open, used] = [
        await app.inject({ method, url, ...payload }),
        await app.inject({ method, url, headers, ...payload }),
      ]
      t.ok(open.statusCode < 400 || used.statusCode >= 400, `${method} ${url}: ${open.statusCode}, ${used.statusCode}`)
      tried++
    }
  }
  t.ok(tried > 40, `${tried} routes`)
})

t.test('a client with this scope alone can change nothing and learn nothing about a token', async t => {
  const ada = await signUp(app)
  const client = await makeClient(app, 'revocations')
  const authorization = `Bearer ${await clientToken(app, client)}`
  const basic = { authorization: client.basic }
  const oauth = async (path: string, fields: Record<string, string>) =>
    (await postForm(app, `/oauth/${path}`, fields, basic)).json()
  t.equal((await oauth('introspect', { token: ada.accessToken })).error, 'unauthorized_client')
  for (const scope of ['admin', 'sessions', 'introspect', 'revocations admin'])
    t.equal((await oauth('token', { grant_type: 'client_credentials', scope })).error, 'invalid_scope', scope)
  t.equal((await refreshAsClient(app, client, ada.refreshToken)).json().error, 'unauthorized_client')
  await postForm(app, '/oauth/revoke', { token: ada.refreshToken }, basic)
  await postForm(app, '/oauth/revoke', { token: ada.accessToken }, basic)
  for (const [method, url] of [
    ['POST', `/admin/users/${ada.userId}/sessions`],
    ['DELETE', `/admin/users/${ada.userId}`],
    ['POST', '/admin/revocations'],
    ['GET', '/admin/users'],
  ] as const) {
    const payload = method === 'POST' ? { payload: {} } : {}
    t.equal((await app.inject({ method, url, headers: { authorization }, ...payload })).statusCode, 403, url)
  }
  t.equal(await verify(app, ada.accessToken), 200)
})

t.test('a verifier id of another client is refused, and its follower is not disturbed', async t => {
  const [mine, theirs] = [await makeClient(app, 'revocations'), await makeClient(app, 'revocations')]
  const query = { verifier: newId() }
  const follower = await follow(t, { url, token: await clientToken(app, mine), query }).complete()
  for (const verifier of [query.verifier, query.verifier.toUpperCase()]) {
    const thief = follow(t, { url, token: await clientToken(app, theirs), query: { verifier } })
    t.equal(await thief.answered(), 409)
  }
  const ada = await signUp(app)
  await post(app, '/auth/logout', { refresh_token: ada.refreshToken })
  while (!follower.sessionIds.includes(ada.sessionId)) await new Promise(resolve => setTimeout(resolve, 5))
  t.notOk(follower.isEnded)
})

t.test('a second connection of a verifier ends the first one', async t => {
  const token = await clientToken(app, await makeClient(app, 'revocations'))
  const query = { verifier: newId() }
  const first = await follow(t, { url, token, query }).complete()
  const second = await follow(t, { url, token, query, lastEventId: first.lastEventId }).complete()
  while (!first.isEnded) await new Promise(resolve => setTimeout(resolve, 5))
  t.notOk(second.isEnded)
})
