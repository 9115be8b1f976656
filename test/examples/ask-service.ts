import { createHmac } from 'node:crypto'
import type { Test } from 'tap'
import { encode, type Forger, forgerOf } from '../attacks/forger.js'
import type { TestApp } from '../support/build-test-app.js'
import { asClient } from '../support/clients.js'
import type { Person } from '../support/people.js'

export interface ServiceAnswer {
  status: number
  headers: Headers
  body: Record<string, unknown>
}

/** Requests the guarded route of an example. */
export async function ask({ url }: { url: string }, authorization?: string): Promise<ServiceAnswer> {
  const answer = await fetch(`${url}/me`, authorization === undefined ? {} : { headers: { authorization } })
  const { headers, status } = answer
  return { status, headers, body: (await answer.json()) as Record<string, unknown> }
}

/** The status that a token gets, or the code of the refusal. */
export async function verdict(service: { url: string }, { accessToken }: Person): Promise<number | unknown> {
  const { status, body } = await ask(service, `Bearer ${accessToken}`)
  return status === 200 ? 200 : body.code
}

/** Checks that a service accepts the token of a user, and refuses every token that is wrong in one way. */
export async function checkVerification(t: Test, test: TestApp, service: { url: string }, user: Person): Promise<void> {
  const forger = await forgerOf(test, user.accessToken)
  const accepted = { status: 200, body: { user: user.userId, session: user.sessionId, roles: [] } }
  t.match(await ask(service, `Bearer ${user.accessToken}`), accepted)
  t.match(await ask(service, `Bearer ${forger.token({})}`), accepted, 'a token of the forger that is wrong in no way')
  const second = Math.floor(Date.now() / 1000)
  const early = forger.token({}, { iat: second + 60, exp: second + 900 })
  t.match(await ask(service, `Bearer ${early}`), accepted, 'a token from a clock that is ahead of the service')

  for (const [what, token] of Object.entries(await wrongTokens(test, user, forger))) {
    const { status, body, headers } = await ask(service, `Bearer ${token}`)
    t.strictSame({ status, body }, { status: 401, body: { code: 'token_invalid' } }, what)
    t.equal(headers.get('www-authenticate'), 'Bearer error="invalid_token"', what)
  }
  const expired = await ask(service, `Bearer ${forger.token({}, { exp: second - 60 })}`)
  t.match(expired, { status: 401, body: { code: 'token_expired' } }, 'an expired token')
  for (const authorization of [undefined, 'Basic abc', 'Bearer ']) {
    const answer = await ask(service, authorization)
    t.match(answer, { status: 401, body: { code: 'authentication_required' } }, `${authorization}`)
    t.equal(answer.headers.get('www-authenticate'), 'Bearer')
  }
  // Some libraries accept these while there is one key. Only the holder of our key can make them.
  for (const kid of [undefined, 7, '', null]) {
    const { status } = await ask(service, `Bearer ${forger.token({ kid })}`)
    t.ok(status === 200 || status === 401, `a kid that is ${JSON.stringify(kid)}: ${status}`)
  }
  t.match(await ask(service, `Bearer ${user.accessToken}`), accepted, 'the valid token is still accepted')
}

async function wrongTokens({ app, config }: TestApp, user: Person, forger: Forger): Promise<Record<string, string>> {
  const [header, payload, signature] = user.accessToken.split('.') as [string, string, string]
  const unsigned = `${encode(JSON.stringify({ alg: 'none', typ: 'at+jwt', kid: forger.kid }))}.${payload}`
  const symmetric = `${encode(JSON.stringify({ alg: 'HS256', typ: 'at+jwt', kid: forger.kid }))}.${payload}`
  const publicPem = forger.publicKey.export({ type: 'spki', format: 'pem' })
  return {
    'another audience': forger.token({}, { aud: 'https://other.example' }),
    'no audience': forger.token({}, { aud: undefined }),
    'another issuer': forger.token({}, { iss: 'https://other.example' }),
    'the issuer with a slash': forger.token({}, { iss: `${config.issuer}/` }),
    'the type of another JWT': forger.token({ typ: 'JWT' }),
    'no type': forger.token({ typ: undefined }),
    'no expiry': forger.token({}, { exp: undefined }),
    'no session': forger.token({}, { sid: undefined }),
    'no user': forger.token({}, { sub: undefined }),
    'a changed payload': `${header}.${forger.token({}, { sub: 'other' }).split('.')[1]}.${signature}`,
    'a changed signature': `${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
    'a short signature': `${header}.${payload}.AAAA`,
    'no signature': `${unsigned}.`,
    'the public key used as a secret': `${symmetric}.${createHmac('sha256', publicPem).update(symmetric).digest('base64url')}`,
    'another algorithm': forger.token({ alg: 'RS256' }),
    'an unknown key': forger.token({ kid: 'unknown' }),
    'the token of a client': (await asClient(app, 'introspect')).authorization.slice('Bearer '.length),
    'a refresh token': user.refreshToken,
    'no JWT': 'a.b.c',
    'no dots': 'abc',
  }
}
