import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { findFreePort } from '../support/free-port.js'
import { PASSWORD, type Person, refresh, refreshed, signUp } from '../support/people.js'
import { only, run } from './postman-runner.js'

const PROFILE = only('My profile')
const LIFE_SECONDS = 900

interface SignedIn extends TestApp {
  person: Person
  values: Record<string, string>
  /** The refresh tokens that came to /auth/refresh. */
  sent: string[]
  /** Cuts off the answer to the next refresh. */
  loseAnswer(): void
}

/** A user whose access token has only so many seconds left: what is in the environment is that much older. */
async function signedIn(t: Test, leftSeconds: number, lifeSeconds = LIFE_SECONDS): Promise<SignedIn> {
  const sent: string[] = []
  let isLost = false
  const settings = { JWT_EXPIRES_IN: `${lifeSeconds}s` }
  const service = await buildTestApp(t, settings, {
    prepare(app) {
      app.addHook('preHandler', async ({ url, body }) => {
        if (url === '/auth/refresh') sent.push((body as { refresh_token: string }).refresh_token)
      })
      app.addHook('onSend', async ({ url, raw }) => {
        if (url !== '/auth/refresh' || !isLost) return
        isLost = false
        raw.socket.destroy()
      })
    },
  })
  const base_url = await service.app.listen({ port: 0, host: '127.0.0.1' })
  // The token is made in the past, so that every clock agrees about it.
  await service.clock.advance(leftSeconds - lifeSeconds)
  const person = await signUp(service.app)
  await service.clock.advance(lifeSeconds - leftSeconds)
  const values = { base_url, access_token: person.accessToken, refresh_token: person.refreshToken }
  return {
    ...service,
    person,
    values,
    sent,
    loseAnswer() {
      isLost = true
    },
  }
}

t.test('a request succeeds after the access token has expired', async t => {
  const { values, sent, person, app } = await signedIn(t, -3600)
  const result = await run(PROFILE, values)
  t.match(result, { requests: [{ status: 200 }] })
  t.same(sent, [person.refreshToken])
  t.match(result.console, [/^auto-refresh: the access token has expired/, /^auto-refresh: refreshed/])

  const { access_token, refresh_token, token_expiry } = result.environment
  t.not(access_token, person.accessToken)
  t.not(refresh_token, person.refreshToken)
  const leftMs = Number(token_expiry) - Date.now()
  t.ok(leftMs > 0 && leftMs <= LIFE_SECONDS * 1000, 'token_expiry is in milliseconds')
  t.equal((await refresh(app, refresh_token as string)).statusCode, 200, 'the stored token is the present one')
})

t.test('the expiry in the environment counts more than the one in the token', async t => {
  const { values, sent } = await signedIn(t, 600)
  await run(PROFILE, { ...values, token_expiry: String(Date.now() - 1000) })
  t.equal(sent.length, 1)
})

t.test('a token is refreshed 60 s before it expires, or in the last tenth of its life, whichever is less', async t => {
  for (const [lifeSeconds, leftSeconds, isRefreshed] of [
    [900, 30, true],
    [900, 85, false],
    [300, 15, true],
    [300, 50, false],
  ] as const) {
    const { values, sent } = await signedIn(t, leftSeconds, lifeSeconds)
    t.match(await run(PROFILE, values), { requests: [{ status: 200 }] })
    t.equal(sent.length, isRefreshed ? 1 : 0, `${leftSeconds} s of ${lifeSeconds} s`)
  }
})

t.test('requests that need no token refresh nothing', async t => {
  const { values, sent } = await signedIn(t, -3600)
  const names = ['Does the process answer?', 'Public keys', 'Log in', 'Register']
  const { requests, console } = await run(only(...names), values)
  t.same([requests.length, sent, console], [names.length, [], []])
})

t.test('after a lost answer the same token is sent again', async t => {
  const { values, sent, person, loseAnswer } = await signedIn(t, -3600)
  loseAnswer()
  const result = await run(PROFILE, values)
  t.match(result, { requests: [{ status: 200 }] })
  t.same(sent, [person.refreshToken, person.refreshToken])
  t.match(result.console[1], /The same refresh token is sent again/)
})

t.test('a service that cannot answer does not cost the tokens', async t => {
  for (const [status, body] of [
    [503, { code: 'store_unavailable' }],
    [500, {}],
    [502, undefined],
    [504, undefined],
    [429, { code: 'rate_limited' }],
    [400, { code: 'ambiguous_credentials' }],
    [403, { code: 'client_required' }],
    [401, undefined],
    [200, { code: 'not a token' }],
  ] as const) {
    const server = createServer((_, response) => {
      response.statusCode = status
      response.end(body ? JSON.stringify(body) : '<h1>a page of a proxy</h1>')
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => server.close())
    await keepsTokens(t, `http://127.0.0.1:${(server.address() as AddressInfo).port}`, `${status}`)
  }
  await keepsTokens(t, `http://127.0.0.1:${await findFreePort()}`, 'nobody listens')
})

async function keepsTokens(t: Test, base_url: string, name: string): Promise<void> {
  const tokens = { access_token: 'a.b.c', refresh_token: 'lk_rt_x', token_expiry: '1000' }
  const result = await run(PROFILE, { base_url, ...tokens })
  t.match(result.environment, tokens, name)
  t.match(result.console.join(), /The tokens are kept/, name)
}

t.test('the end of the session removes the tokens', async t => {
  const { values, app, person } = await signedIn(t, -3600)
  await app.inject({ method: 'POST', url: '/auth/logout', payload: { refresh_token: person.refreshToken } })
  const result = await run(PROFILE, values)
  t.match(result.environment, { access_token: '', refresh_token: '', token_expiry: '' })
  t.match(result.console.join(), /the session has ended: session_revoked/)
})

t.test('a superseded token', async t => {
  /** Somebody else has refreshed twice, so the token of the environment is two generations old. */
  async function superseded(t: Test) {
    const service = await signedIn(t, -3600)
    const next = await refreshed(service.app, service.person.refreshToken)
    await service.clock.advance(120)
    const newest = await refreshed(service.app, next)
    const first = await run(PROFILE, service.values)
    t.match(first.environment, { refresh_token: service.person.refreshToken }, 'is kept at first')
    t.match(first.console.join(), /there is a newer refresh token/)
    return { ...service, newest, environment: first.environment }
  }

  t.test('ends the session only when it is sent once more, with its ticket', async t => {
    const { app, environment, newest } = await superseded(t)
    t.type(environment.refresh_ticket, 'string')
    const second = await run(PROFILE, environment)
    t.match(second.environment, { access_token: '', refresh_token: '' })
    t.match(second.console.join(), /refresh_token_reused/)
    t.equal((await refresh(app, newest)).json().code, 'session_revoked')
  })

  t.test('does not end the session if the newer one was stored meanwhile', async t => {
    const { environment, newest } = await superseded(t)
    const second = await run(PROFILE, { ...environment, refresh_token: newest })
    t.match(second, { requests: [{ status: 200 }] })
    t.notOk(second.environment.refresh_ticket)
  })
})

t.test('signing in stores the tokens', async t => {
  const { values, person, sent } = await signedIn(t, -3600)
  const named = { ...values, email: person.email, password: PASSWORD }
  const result = await run(only('Log in', 'My profile'), named)
  t.match(result, { requests: [{ status: 200 }, { status: 200 }], failures: [] })
  t.same(sent, [], 'and the new access token needs no refresh')
})
