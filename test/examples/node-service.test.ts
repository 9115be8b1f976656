import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { forgerOf } from '../attacks/forger.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { asClient } from '../support/clients.js'
import { type Person, post, signUp } from '../support/people.js'
import { listen } from '../support/raw-request.js'

interface TokenChecks {
  checkLocally(token: string): Promise<Record<string, unknown>>
  checkNow(token: string): Promise<Record<string, unknown>>
}
type CreateTokenChecks = (options: { issuer: string; audience?: string; url?: string }) => TokenChecks

const FILE = resolve(import.meta.dirname, '../../examples/node-service/verify.mjs')
const { createTokenChecks } = (await import(pathToFileURL(FILE).href)) as { createTokenChecks: CreateTokenChecks }

async function open(t: Test): Promise<TestApp & { checks: TokenChecks; user: Person }> {
  const test = await buildTestApp(t)
  const url = `http://127.0.0.1:${await listen(test.app)}`
  const user = await signUp(test.app)
  return { ...test, user, checks: createTokenChecks({ issuer: test.config.issuer, url }) }
}

const refusal = (status: number, code: string) => ({ status, code })

t.test('a service accepts an access token by the public keys alone, and by asking', async t => {
  const { checks, user } = await open(t)
  t.match(await checks.checkLocally(user.accessToken), { sub: user.userId, sid: user.sessionId, roles: [] })
  t.match(await checks.checkNow(user.accessToken), { sub: user.userId, sid: user.sessionId, roles: [] })
})

t.test('after a sign-out only the check at Latchkey refuses the token', async t => {
  const { app, checks, user } = await open(t)
  await post(app, '/auth/logout', {}, { authorization: `Bearer ${user.accessToken}` })
  await t.rejects(checks.checkNow(user.accessToken), refusal(401, 'token_revoked'))
  t.match(await checks.checkLocally(user.accessToken), { sub: user.userId })
})

t.test('a token that is wrong in one way is refused locally', async t => {
  const test = await open(t)
  const { checks, user } = test
  const forger = await forgerOf(test, user.accessToken)
  t.match(await checks.checkLocally(forger.token({})), { sub: user.userId }, 'the unchanged token is accepted')

  const second = Math.floor(Date.now() / 1000)
  const wrong: Record<string, string> = {
    'another issuer': forger.token({}, { iss: 'https://other.example' }),
    'another audience': forger.token({}, { aud: 'https://other.example' }),
    'the type of another JWT': forger.token({ typ: 'JWT' }),
    'an unknown key': forger.token({ kid: 'unknown' }),
    'no algorithm': forger.token({ alg: 'none' }),
    'a symmetric algorithm': forger.token({ alg: 'HS256' }),
    'no session': forger.token({}, { sid: undefined }),
    'no end': forger.token({}, { exp: undefined }),
    'a changed payload': user.accessToken.replace(/\.[^.]+\./, `.${forger.token({}, { sub: 'other' }).split('.')[1]}.`),
    'the token of a client': (await asClient(test.app, 'introspect')).authorization.slice('Bearer '.length),
    'a refresh token': user.refreshToken,
  }
  for (const [what, token] of Object.entries(wrong))
    await t.rejects(checks.checkLocally(token), refusal(401, 'token_invalid'), what)
  await t.rejects(checks.checkLocally(forger.token({}, { exp: second - 60 })), refusal(401, 'token_expired'))
})

t.test('keys that cannot be fetched are no reason to call a token invalid', async t => {
  const { config, user } = await open(t)
  const checks = createTokenChecks({ issuer: config.issuer, url: 'http://127.0.0.1:9' })
  await t.rejects(checks.checkLocally(user.accessToken), refusal(503, 'verification_unavailable'))
  await t.rejects(checks.checkNow(user.accessToken), refusal(503, 'verification_unavailable'))
})

t.test('the page of a gateway in place of an answer says nothing about the token', async t => {
  for (const status of [200, 401, 502]) {
    const gateway = createServer((_request, response) => response.writeHead(status).end('<h1>gateway</h1>'))
    t.teardown(() => gateway.close())
    await once(gateway.listen(0, '127.0.0.1'), 'listening')
    const url = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`
    const checks = createTokenChecks({ issuer: url })
    await t.rejects(checks.checkNow('a token'), refusal(503, 'verification_unavailable'), `${status}`)
  }
})
