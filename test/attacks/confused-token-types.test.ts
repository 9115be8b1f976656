import t, { type Test } from 'tap'
import { issuePasswordReset } from '../../src/domain/passwords/password-reset.js'
import { buildTestApp } from '../support/build-test-app.js'
import { clientToken, makeClient, postForm, refreshAsClient } from '../support/clients.js'
import { get, PASSWORD, post, signUp } from '../support/people.js'
import { payloadOf } from './forger.js'

/** Every valid credential of this service that is not a user's access token, and its possible holders. */
async function otherTokens(t: Test) {
  const test = await buildTestApp(t)
  const { app } = test
  const ada = await signUp(app)
  const shop = await makeClient(app, 'sessions', 'introspect', 'admin')
  const shopToken = await clientToken(app, shop)
  const authorization = `Bearer ${shopToken}`
  const opened = (await post(app, `/admin/users/${ada.userId}/sessions`, {}, { authorization })).json()
  const superseded = opened.refresh_token
  const ofShop = (await refreshAsClient(app, shop, superseded)).json().refresh_token
  const browser = await post(app, '/auth/login', { email: ada.email, password: PASSWORD })
  const cookie = (name: string) => browser.cookies.find(candidate => candidate.name === name)!.value
  const signingKey = app.context.keyring.signingKey(app.context.clock())
  const tokens = {
    'a refresh token': ada.refreshToken,
    'a refresh cookie': cookie('__Host-latchkey'),
    'a device cookie': cookie('__Host-latchkey-device'),
    'a refresh token of a client’s session': ofShop,
    'a superseded one of a client’s session': superseded,
    'a password reset token': (await issuePasswordReset(app.context, ada.email, 'test')).token,
    'a client’s token': shopToken,
    'a client’s secret': shop.secret,
    // With the claims of a valid access token, so that only its type is different.
    'an event token': signingKey.signEvent(payloadOf(ada.accessToken) as never),
  }
  return { ...test, ada, shop, opened, tokens }
}

t.test('a resource server that checks only `active` accepts only access tokens of users', async t => {
  const { app, ada, shop, opened, tokens } = await otherTokens(t)
  const plain = await makeClient(app, 'introspect')
  const administrator = await makeClient(app, 'introspect', 'admin')
  // Apache's modules send no hint, or the one that their operator configured.
  for (const hint of [{}, { token_type_hint: 'access_token' }, { token_type_hint: 'refresh-token' }]) {
    for (const { id, basic } of [plain, administrator, shop]) {
      const ask = (token: string) => postForm(app, '/oauth/introspect', { token, ...hint }, { authorization: basic })
      for (const [what, token] of Object.entries(tokens)) {
        // A client may introspect its own token and those of the sessions that it opened.
        if (id === shop.id && OF_SHOP.has(what)) continue
        t.strictSame((await ask(token)).json(), { active: false }, what)
      }
      for (const token of [ada.accessToken, opened.access_token])
        t.match((await ask(token)).json(), { active: true, token_type: 'Bearer', sub: ada.userId })
    }
  }
})

t.test('introspecting a refresh token needs the hint refresh_token, except for the client’s own sessions', async t => {
  const { app, ada, shop, opened, tokens } = await otherTokens(t)
  const own = { token: tokens['a refresh token of a client’s session'] }
  const answer = await postForm(app, '/oauth/introspect', own, { authorization: shop.basic })
  t.match(answer.json(), { active: true, sub: ada.userId, client_id: shop.id })
  const plain = await makeClient(app, 'introspect')
  for (const { basic } of [plain, shop]) {
    const ask = (token: string) =>
      postForm(app, '/oauth/introspect', { token, token_type_hint: 'refresh_token' }, { authorization: basic })
    for (const token of [
      tokens['a refresh token'],
      tokens['a refresh cookie'],
      tokens['a refresh token of a client’s session'],
    ]) {
      const { token_type, ...answer } = (await ask(token)).json()
      t.match(answer, { active: true, sub: ada.userId })
      t.equal(token_type, undefined)
    }
    // A hint does not restrict the lookup (RFC 7662, 2.1).
    t.match((await ask(opened.access_token)).json(), { active: true, token_type: 'Bearer' })
    for (const what of ['a device cookie', 'a password reset token', 'a client’s secret', 'an event token'] as const)
      t.strictSame((await ask(tokens[what])).json(), { active: false }, what)
  }
})

t.test('a client can introspect its own access token, and no other client’s', async t => {
  const { app, shop, tokens } = await otherTokens(t)
  const ask = async (basic: string) =>
    (await postForm(app, '/oauth/introspect', { token: tokens['a client’s token'] }, { authorization: basic })).json()
  t.match(await ask(shop.basic), { active: true, sub: shop.id, client_id: shop.id })
  t.strictSame(await ask((await makeClient(app, 'introspect', 'admin')).basic), { active: false })
})

t.test('only a user’s access token is valid where access tokens are verified', async t => {
  const { app, tokens } = await otherTokens(t)
  for (const [what, token] of Object.entries(tokens)) {
    t.match((await get(app, '/auth/verify', token)).json(), { status: 401, code: 'token_invalid' }, what)
    t.match((await post(app, '/auth/verify', { token })).json(), { status: 401, code: 'token_invalid' }, what)
    t.match((await get(app, '/auth/profile', token)).json(), { status: 401, code: 'token_invalid' }, what)
  }
})

const OF_SHOP = new Set([
  'a client’s token',
  'a refresh token of a client’s session',
  'a superseded one of a client’s session',
])
