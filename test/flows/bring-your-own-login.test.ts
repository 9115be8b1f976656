import t from 'tap'
import { SUPERSEDED_GRACE_SECONDS } from '../../src/domain/tokens/judge-refresh-token.js'
import { buildTestApp } from '../support/build-test-app.js'
import { clientToken, makeClient, postForm, refreshAsClient } from '../support/clients.js'
import { IPHONE } from '../support/device.js'
import { get, refresh, signUp, verify } from '../support/people.js'

t.test('bring your own login: a client signs its users in, and Latchkey manages their sessions', async t => {
  const { app, clock, config } = await buildTestApp(t)
  const ada = await signUp(app)
  const shop = await makeClient(app, 'sessions', 'introspect')

  // Ada has signed in to the shop. The shop opens a session for this user with its own token (RFC 6749, 4.4).
  const authorization = `Bearer ${await clientToken(app, shop, 'sessions')}`
  const opened = await app.inject({
    method: 'POST',
    url: `/admin/users/${ada.userId}/sessions`,
    headers: { authorization },
    payload: { ip: '203.0.113.9', user_agent: IPHONE, auth_methods: ['pwd', 'otp'] },
  })
  t.equal(opened.statusCode, 201)
  const tokens = opened.json()
  t.equal(await verify(app, tokens.access_token), 200)

  // The shop's server keeps the refresh token and rotates it (RFC 6749, 6). After a lost answer it asks again.
  const next = (await refreshAsClient(app, shop, tokens.refresh_token)).json()
  const again = (await refreshAsClient(app, shop, tokens.refresh_token)).json()
  t.equal(again.refresh_token, next.refresh_token, 'the same successor')

  // Without the shop's secret a stolen token cannot be used.
  t.match((await refresh(app, next.refresh_token)).json(), { status: 403, code: 'client_required' })

  // Its other services ask whether a token is live (RFC 7662).
  const isActive = async (token: string) =>
    (await postForm(app, '/oauth/introspect', { token }, { authorization: shop.basic })).json().active
  t.equal(await isActive(next.access_token), true)

  // Ada's list of sessions has it, with the device, the IP address and the authentication methods.
  const sessions = (await get(app, '/auth/sessions', ada.accessToken)).json()
  t.equal(sessions.length, 2)
  t.match(sessions[0], {
    id: tokens.session_id,
    device: { browser: 'Safari', os: 'iOS', kind: 'mobile' },
    ip: '203.0.113.9',
    auth_methods: ['pwd', 'otp'],
  })
  const { events } = (await get(app, '/auth/events', ada.accessToken)).json()
  t.match(events[0], { type: 'signed_in', session_id: tokens.session_id, details: { new_device: true } })

  // A thief presents an old token. The first time the token is superseded; the second time the session ends.
  await clock.advance(config.refresh.minAgeSeconds + 1)
  t.equal((await refreshAsClient(app, shop, next.refresh_token)).statusCode, 200)
  t.match((await refreshAsClient(app, shop, tokens.refresh_token)).json(), { error: 'invalid_grant' })
  t.equal(await isActive(next.access_token), true)
  await clock.advance(SUPERSEDED_GRACE_SECONDS + 1)
  t.match((await refreshAsClient(app, shop, tokens.refresh_token)).json(), { error: 'invalid_grant' })
  t.equal(await isActive(next.access_token), false)
  t.equal(await verify(app, next.access_token), 'token_revoked')
  t.equal(await verify(app, ada.accessToken), 200, 'the other session of the user is not affected')
})
