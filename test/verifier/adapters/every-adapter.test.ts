import type { Verifier } from '@latchkey/verifier'
import t, { type Test } from 'tap'
import { type Answer, frameworks, type Options, type Send, sendTo } from './frameworks.js'
import { type OpenService, openService, verifierThat } from './open-service.js'

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** Runs the same facts over the service of each framework. */
async function withEach(
  t: Test,
  verifier: Verifier,
  options: Options,
  check: (t: Test, send: Send, framework: string) => Promise<void>,
): Promise<void> {
  for (const [name, start] of Object.entries(frameworks))
    await t.test(name, async t => check(t, await start(t, verifier, options), name))
}

/** What Latchkey and every adapter say in the same words. The ids of the requests differ, and details are for each. */
function comparable({ status, headers, body }: Answer) {
  const { type, title, code } = body
  const { 'www-authenticate': challenge, 'cache-control': cache, 'content-type': format } = headers
  return { status, challenge, cache, format, body: { type, title, code, status: body.status } }
}

/** A token of the user that has a lifetime of 100 seconds, of which so many are left. */
function tokenWithSecondsLeft({ forger }: OpenService, secondsLeft: number): string {
  const now = Math.floor(Date.now() / 1000)
  return forger.token({}, { iat: now + secondsLeft - 100, exp: now + secondsLeft })
}

t.test('a request with a valid token is admitted, with its principal', async t => {
  const { user, verifier } = await openService(t)
  await withEach(t, verifier, {}, async (t, send) => {
    for (const scheme of ['Bearer', 'bearer', 'BEARER', 'Bearer  ']) {
      const { status, body, headers } = await send('/me', { authorization: `${scheme} ${user.accessToken}` })
      t.match({ status, body }, { status: 200, body: { userId: user.userId, sessionId: user.sessionId, roles: [] } })
      t.notOk(headers['x-token-refresh-required'])
    }
    t.match(await send('/open', bearer(user.accessToken)), { status: 200, body: { userId: user.userId } })
  })
})

t.test('a refused request is answered as Latchkey answers it', async t => {
  const service = await openService(t)
  const { forger, user, verifier, url } = service
  const latchkey = sendTo(url)
  const refused: Record<string, Record<string, string | string[]>> = {
    'no token': {},
    'an empty token': { authorization: 'Bearer ' },
    'another scheme': { authorization: `Basic ${user.accessToken}` },
    'no scheme': { authorization: user.accessToken },
    'a changed token': bearer(`${user.accessToken.slice(0, -4)}AAAA`),
    'a refresh token': bearer(user.refreshToken),
    'another audience': bearer(forger.token({}, { aud: 'https://other.example' })),
    'an expired token': bearer(tokenWithSecondsLeft(service, -60)),
    'two tokens': { authorization: [`Bearer ${user.accessToken}`, `Bearer ${forger.token({}, { sub: 'other' })}`] },
    'the same token twice': { authorization: [`Bearer ${user.accessToken}`, `Bearer ${user.accessToken}`] },
  }
  await withEach(t, verifier, {}, async (t, send) => {
    for (const [what, headers] of Object.entries(refused)) {
      const answer = await send('/me', headers)
      t.same(comparable(answer), comparable(await latchkey('/auth/profile', headers)), what)
    }
    t.equal((await send('/me')).body.code, 'authentication_required')
    t.equal((await send('/me', refused['two tokens'])).status, 400)
  })
})

t.test('one of several roles is enough, and the role is asked for after the token', async t => {
  const { forger, verifier } = await openService(t)
  const withRoles = (...roles: string[]) => bearer(forger.token({}, { roles }))
  await withEach(t, verifier, {}, async (t, send) => {
    for (const roles of [['editor'], ['admin'], ['other', 'admin']])
      t.equal((await send('/editors', withRoles(...roles))).status, 200, roles.join())
    for (const roles of [[], ['edit'], ['Editor']]) {
      const { status, body, headers } = await send('/editors', withRoles(...roles))
      t.match({ status, body }, { status: 403, body: { code: 'insufficient_role', status: 403 } }, roles.join())
      t.equal(headers['www-authenticate'], undefined)
    }
    t.match(await send('/editors'), { status: 401, body: { code: 'authentication_required' } })
  })
})

t.test('an old sign-in gets the challenge of RFC 9470, a recent one is admitted', async t => {
  const { forger, verifier } = await openService(t)
  const now = Math.floor(Date.now() / 1000)
  const signedInAgo = (seconds: number) => bearer(forger.token({}, { auth_time: now - seconds }))
  await withEach(t, verifier, {}, async (t, send) => {
    t.equal((await send('/recent', signedInAgo(200))).status, 200)
    const { status, body, headers } = await send('/recent', signedInAgo(400))
    t.match({ status, body }, { status: 401, body: { code: 'insufficient_user_authentication' } })
    const challenge = String(headers['www-authenticate'])
    t.match(challenge, /^Bearer error="insufficient_user_authentication", /)
    t.match(challenge, /, max_age="300"$/)
    t.equal((await send('/me', signedInAgo(400))).status, 200, 'other routes accept it')
  })
})

t.test('a token in the last fifth of its lifetime is answered with X-Token-Refresh-Required', async t => {
  const service = await openService(t)
  await withEach(t, service.verifier, {}, async (t, send) => {
    const hint = async (secondsLeft: number) =>
      (await send('/me', bearer(tokenWithSecondsLeft(service, secondsLeft)))).headers['x-token-refresh-required']
    t.equal(await hint(30), undefined)
    t.equal(await hint(15), 'true')
  })
})

t.test('without keys, and after the verifier was closed, each request is answered with 503', async t => {
  const { user, verifierWith } = await openService(t)
  const withoutKeys = verifierWith({ baseUrl: 'http://127.0.0.1:9' })
  await withEach(t, withoutKeys, {}, async (t, send) => {
    const { status, headers, body } = await send('/me', bearer(user.accessToken))
    t.match({ status, body }, { status: 503, body: { code: 'keys_unavailable', status: 503 } })
    t.match(headers['retry-after'], /^[1-9]\d*$/)
    t.equal(headers['www-authenticate'], undefined)
  })
  const closed = verifierWith()
  await closed.close()
  await withEach(t, closed, {}, async (t, send) => {
    const { status, headers, body } = await send('/me', bearer(user.accessToken))
    t.match({ status, body }, { status: 503, body: { code: 'closed' } })
    t.match(headers['retry-after'], /^[1-9]\d*$/)
  })
})

t.test('a defect of the verifier is answered with 500, and no request waits', async t => {
  const { user, verifier } = await openService(t)
  const fail = () => {
    throw new Error('a defect of the verifier')
  }
  const principal = await verifier.verify(user.accessToken)
  const defects: Record<string, Verifier> = {
    verify: verifierThat(verifier, { verify: async () => fail() }),
    verifyKnown: verifierThat(verifier, { verifyKnown: fail }),
    status: verifierThat(verifier, { verify: async () => principal, status: fail }),
  }
  for (const [method, broken] of Object.entries(defects))
    await withEach(t, broken, {}, async (t, send, framework) => {
      const answer = send('/me', bearer(user.accessToken))
      // A fetch-style framework answers what its handler throws.
      if (framework === 'a fetch handler') await t.rejects(answer, /a defect/, method)
      else t.equal((await answer).status, 500, method)
    })
})

t.test('an open route is for everybody, except with a refused token', async t => {
  const { user, verifier } = await openService(t)
  await withEach(t, verifier, { cookie: 'access' }, async (t, send) => {
    const { status, body } = await send('/open')
    t.same({ status, body }, { status: 200, body: {} })
    t.match(await send('/open', bearer('a.b.c')), { status: 401, body: { code: 'token_invalid' } })
    const outdated = { cookie: 'access=a.b.c' }
    t.match(await send('/open', outdated), { status: 200, body: { userId: undefined } }, 'a page for everybody')
    const current = { cookie: `access=${user.accessToken}` }
    t.match(await send('/open', current), { status: 200, body: { userId: user.userId } })
  })
})

t.test('mistakes in the options are found at the start', async t => {
  const { verifier } = await openService(t)
  const mistakes: Record<string, [unknown, Options]> = {
    'no verifier': [undefined, {}],
    'the options of a verifier in its place': [{ issuer: 'https://auth.example.com' }, {}],
    'a cookie whose name contains a space': [verifier, { cookie: 'access token' }],
    'an origin with a path': [verifier, { cookie: 'access', origins: ['https://app.example.com/'] }],
    'an origin without a scheme': [verifier, { cookie: 'access', origins: ['app.example.com'] }],
    'renewing without a cookie': [verifier, { renew: async () => undefined }],
  }
  for (const [what, [given, options]] of Object.entries(mistakes))
    for (const name of ['Fastify 5', 'Express 5', 'Express 4'])
      await t.rejects(
        (async () => frameworks[name]!(t, given as Verifier, options))(),
        TypeError,
        `${what}, with ${name}`,
      )
})
