import t from 'tap'
import { SUPERSEDED_GRACE_SECONDS } from '../../src/auth/judge-refresh-token.js'
import { buildTestApp } from '../support/build-test-app.js'
import { clientToken, exchange, makeClient, postForm } from '../support/clients.js'
import { IPHONE } from '../support/device.js'
import { get, refresh, signUp, verify } from '../support/people.js'

t.test('bring your own login: a shop signs its people in by itself and leaves the rest to us', async t => {
  const { app, clock, config } = await buildTestApp(t)
  const ada = await signUp(app)
  const shop = await makeClient(app, 'sessions', 'introspect')

  // Ada has signed in to the shop, which tells us so with a token of its own (RFC 6749, 4.4).
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

  // The shop's server keeps the refresh token and rotates it (RFC 6749, 6). An answer that was lost is asked for again.
  const next = (await exchange(app, shop, tokens.refresh_token)).json()
  const again = (await exchange(app, shop, tokens.refresh_token)).json()
  t.equal(again.refresh_token, next.refresh_token, 'the same successor')

  // Without the shop's secret the token is of no use, wherever it was stolen.
  t.match((await refresh(app, next.refresh_token)).json(), { status: 403, code: 'client_required' })

  // Its other services ask whether a token is live (RFC 7662).
  const isActive = async (token: string) =>
    (await postForm(app, '/oauth/introspect', { token }, { authorization: shop.basic })).json().active
  t.equal(await isActive(next.access_token), true)

  // Ada sees the session among hers, with the device, the place and the ways in which she showed who she is.
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

  // A thief who comes back with an old token ends the session, here as anywhere; the first time he is told that it is old.
  await clock.advance(config.refresh.minAgeSeconds + 1)
  t.equal((await exchange(app, shop, next.refresh_token)).statusCode, 200)
  t.match((await exchange(app, shop, tokens.refresh_token)).json(), { error: 'invalid_grant' })
  t.equal(await isActive(next.access_token), true)
  await clock.advance(SUPERSEDED_GRACE_SECONDS + 1)
  t.match((await exchange(app, shop, tokens.refresh_token)).json(), { error: 'invalid_grant' })
  t.equal(await isActive(next.access_token), false)
  t.equal(await verify(app, next.access_token), 'token_revoked')
  t.equal(await verify(app, ada.accessToken), 200, 'her own session has nothing to do with it')
})
