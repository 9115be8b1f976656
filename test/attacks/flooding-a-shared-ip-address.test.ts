import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { issuePasswordReset } from '../../src/domain/passwords/password-reset.js'
import { buildTestApp, type TestApp } from '../support/build-test-app.js'
import { makeClient, postForm } from '../support/clients.js'
import { PASSWORD, post } from '../support/people.js'

const REFRESH = '__Host-latchkey'
const DEVICE = '__Host-latchkey-device'
const MAX = 3

/** Three requests a minute. `inject` uses one address, as a NAT that users share with an attacker does. */
function build(t: Test, env: NodeJS.ProcessEnv = {}): Promise<TestApp> {
  return buildTestApp(t, { RATE_LIMIT: 'on', RATE_LIMIT_PER_ADDRESS: String(MAX), ...env })
}

/** Users who signed up from other addresses, each with a known browser. */
async function people(app: FastifyInstance, count: number) {
  const all = []
  for (let index = 0; index < count; index++) {
    const email = `person${index}@example.com`
    const payload = { email, password: PASSWORD }
    const remoteAddress = `192.0.2.${index}`
    const answer = await app.inject({ method: 'POST', url: '/auth/register', payload, remoteAddress })
    const cookieOf = (name: string) => answer.cookies.find(cookie => cookie.name === name)!.value
    const { access_token: accessToken } = answer.json()
    all.push({ email, accessToken, refreshToken: cookieOf(REFRESH), device: cookieOf(DEVICE) })
  }
  return all
}

async function statuses(times: number, one: (index: number) => Promise<{ statusCode: number }>): Promise<number[]> {
  const seen: number[] = []
  for (let index = 0; index < times; index++) seen.push((await one(index)).statusCode)
  return seen
}

const LIMITED = [401, 401, 401, 429, 429]

function logIn(app: FastifyInstance, email: string, device?: string, password = PASSWORD, url = '/auth/login') {
  const payload = url === '/auth/login' ? { email, password } : { username: email, password }
  const cookies: Record<string, string> = device === undefined ? {} : { [DEVICE]: device }
  return app.inject({ method: 'POST', url, payload, cookies })
}

function changePassword(app: FastifyInstance, accessToken: string, current_password = PASSWORD) {
  const change = { current_password, new_password: 'another good passphrase' }
  return post(app, '/auth/change-password', change, { authorization: `Bearer ${accessToken}` })
}

t.test('a flood of invalid refresh tokens does not block valid refreshes from the same address', async t => {
  const { app } = await build(t)
  const [ada, bob, eve, ...others] = await people(app, 8)
  const tagless = `${ada!.refreshToken.slice(0, -4)}${ada!.refreshToken.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`
  const garbage = [{ refresh_token: 'garbage' }, { refresh_token: tagless }, {}]
  const flood = (index: number) => post(app, '/auth/refresh', garbage[index % 3]!)
  t.same(await statuses(5, flood), LIMITED)

  const byCookie = (token: string) =>
    app.inject({ method: 'POST', url: '/auth/refresh', cookies: { [REFRESH]: token } })
  t.equal((await byCookie(ada!.refreshToken)).statusCode, 200, 'in the cookie')
  t.equal((await post(app, '/auth/refresh', { refresh_token: bob!.refreshToken })).statusCode, 200, 'in the body')
  t.equal((await post(app, '/auth/refresh', { refreshToken: bob!.refreshToken })).statusCode, 200, 'by its older name')
  t.equal((await post(app, '/api/token/refresh/', { refresh: eve!.refreshToken })).statusCode, 200, 'in Simple JWT')
  for (const { refreshToken } of others) t.equal((await byCookie(refreshToken)).statusCode, 200)
  t.equal((await byCookie(tagless)).statusCode, 429, 'a well-formed token with a wrong tag is limited')
  t.equal((await byCookie(`${ada!.refreshToken}=`)).statusCode, 429, 'a token in another spelling is limited')
  t.equal((await flood(0)).statusCode, 429)
})

t.test('valid refreshes count for their session with the same limit, and not for their address', async t => {
  const { app } = await build(t)
  const everybody = await people(app, 5)
  for (const { refreshToken } of everybody)
    t.equal((await post(app, '/auth/refresh', { refresh_token: refreshToken })).statusCode, 200)
  t.same(await statuses(5, () => post(app, '/auth/refresh', { refresh_token: 'garbage' })), LIMITED)

  const again = (index: number) =>
    index % 2 === 0
      ? post(app, '/auth/refresh', { refresh_token: everybody[0]!.refreshToken })
      : post(app, '/api/token/refresh', { refresh: everybody[0]!.refreshToken })
  t.same(await statuses(4, again), [200, 200, 429, 429], 'both routes share one limit')
  t.equal((await post(app, '/auth/refresh', { refresh_token: everybody[1]!.refreshToken })).statusCode, 200)
})

t.test('a refresh token of a revoked session counts for the session, and not for its address', async t => {
  const { app } = await build(t)
  const [ada] = await people(app, 1)
  await post(app, '/auth/logout', { refresh_token: ada!.refreshToken })
  const revoked = () => post(app, '/auth/refresh', { refresh_token: ada!.refreshToken })
  t.same(await statuses(5, revoked), LIMITED)
  t.equal((await post(app, '/auth/refresh', { refresh_token: 'garbage' })).statusCode, 401)
})

t.test('signing out is never rate-limited, in either API', async t => {
  const { app } = await build(t)
  const [ada, bob] = await people(app, 2)
  t.notOk((await statuses(10, () => post(app, '/auth/logout', { refresh_token: 'garbage' }))).includes(429))
  t.notOk((await statuses(10, () => post(app, '/api/token/blacklist', { refresh: 'garbage' }))).includes(429))
  await statuses(5, () => post(app, '/auth/refresh', { refresh_token: bob!.refreshToken }))
  t.equal((await post(app, '/auth/logout', { refresh_token: ada!.refreshToken })).statusCode, 204)
  t.equal((await post(app, '/api/token/blacklist/', { refresh: bob!.refreshToken })).statusCode, 200)
})

t.test('a flood of invalid access tokens does not block a signed-in user from changing the password', async t => {
  const { app } = await build(t)
  const [ada, bob] = await people(app, 2)
  const revoked = (await logIn(app, bob!.email)).json().access_token
  await post(app, '/auth/logout', {}, { authorization: `Bearer ${revoked}` })
  const floods = {
    'with an invalid token': () => changePassword(app, 'garbage'),
    'with a token of a revoked session': () => changePassword(app, revoked),
  }
  t.same(await statuses(5, floods['with an invalid token']), LIMITED)
  t.equal((await floods['with a token of a revoked session']()).statusCode, 429)
  t.same(
    await statuses(5, () => changePassword(app, bob!.accessToken, 'wrong')),
    LIMITED,
    'a session has its own limit',
  )
  t.equal((await changePassword(app, ada!.accessToken)).statusCode, 200)
})

t.test('a flood of invalid or replaced reset tokens does not block a valid password reset', async t => {
  const { app } = await build(t)
  const [ada] = await people(app, 1)
  const reset = (token: string) => post(app, '/auth/reset-password', { token, new_password: 'another good passphrase' })
  const { token: old } = await issuePasswordReset(app.context, ada!.email, 'test')
  const { token } = await issuePasswordReset(app.context, ada!.email, 'test')
  t.same(await statuses(5, () => reset('garbage')), LIMITED)
  t.same(await statuses(5, () => reset(old)), LIMITED)
  t.equal((await reset(`${token.slice(0, -4)}AAAA`)).statusCode, 429)
  t.equal((await reset(token)).statusCode, 200)
})

t.test('a flood of wrong secrets does not block clients with their secret, in the header or in the form', async t => {
  const { app } = await build(t, { RATE_LIMIT_PER_ADDRESS: '1' })
  const [good, other] = [await makeClient(app, 'introspect'), await makeClient(app, 'introspect')]
  const introspect = (fields: Record<string, string>, headers = {}, remoteAddress?: string) =>
    remoteAddress === undefined
      ? postForm(app, '/oauth/introspect', { token: 'x', ...fields }, headers)
      : app.inject({
          method: 'POST',
          url: '/oauth/introspect',
          payload: 'token=x',
          headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
          remoteAddress,
        })
  const flood = () => introspect({ client_id: good.id, client_secret: 'garbage' })
  t.same(new Set(await statuses(20, flood)), new Set([401]))
  t.equal((await flood()).statusCode, 429)
  t.equal((await introspect({}, { authorization: 'Basic Z2FyYmFnZTp4' })).statusCode, 429)
  t.equal((await introspect({})).statusCode, 429)

  t.equal((await introspect({}, { authorization: good.basic })).statusCode, 200)
  t.equal((await introspect({ client_id: good.id, client_secret: good.secret })).statusCode, 200)
  const asGood = () => introspect({}, { authorization: good.basic })
  t.same(new Set(await statuses(18, asGood)), new Set([200]))
  t.equal((await asGood()).statusCode, 429, 'a client has its own limit')
  t.equal(
    (await introspect({}, { authorization: good.basic }, '192.0.2.9')).statusCode,
    200,
    'each of its addresses has its own limit',
  )
  t.equal((await introspect({}, { authorization: other.basic })).statusCode, 200)
})

t.test('a flood of failed sign-ins does not block a browser that is known to the account', async t => {
  const { app } = await build(t)
  const [ada, bob] = await people(app, 2)
  t.same(await statuses(5, () => logIn(app, 'nobody@example.com', undefined, 'wrong')), LIMITED)
  t.equal((await logIn(app, ada!.email)).statusCode, 429, 'any other browser is limited')
  t.equal((await logIn(app, ada!.email, ada!.device)).statusCode, 200)
  t.equal((await logIn(app, bob!.email, bob!.device, PASSWORD, '/api/token/')).statusCode, 200, 'in Simple JWT')
})

t.test('device cookies of an attacker’s own account give no attempts on other accounts', async t => {
  const { app } = await build(t)
  const [ada, mallory] = await people(app, 2)
  let cookie = mallory!.device
  const renewed = async (index: number) => {
    const answer = await app.inject({
      method: 'POST',
      url: '/auth/login',
      payload: { email: mallory!.email, password: PASSWORD },
      cookies: { [DEVICE]: cookie },
      remoteAddress: `198.51.100.${index}`,
    })
    cookie = answer.cookies.find(({ name }) => name === DEVICE)!.value
    return logIn(app, ada!.email, cookie, 'wrong')
  }
  t.same(await statuses(5, renewed), LIMITED)
  t.equal((await logIn(app, ada!.email, cookie, 'wrong', '/api/token/')).statusCode, 429)
  t.equal((await logIn(app, 'nobody@example.com', cookie, 'wrong')).statusCode, 429)
  const payload = { email: mallory!.email, username: ada!.email, password: 'wrong' }
  const both = await app.inject({ method: 'POST', url: '/auth/login', payload, cookies: { [DEVICE]: cookie } })
  t.equal(both.statusCode, 429, 'naming both accounts gives no attempt either')
})

t.test('sign-ins and password changes of one account are limited although each issues the next credential', async t => {
  const { app } = await build(t)
  const [mallory, ada] = await people(app, 2)
  let [cookie, token, password] = [mallory!.device, mallory!.accessToken, PASSWORD]
  const signIn = async () => {
    const answer = await logIn(app, mallory!.email, cookie)
    cookie = answer.cookies.find(({ name }) => name === DEVICE)?.value ?? cookie
    return answer
  }
  t.same(await statuses(5, signIn), [200, 200, 200, 429, 429])
  const change = async (index: number) => {
    const payload = {
      current_password: password,
      new_password: `another good passphrase ${index}`,
      transport: 'body',
    }
    const answer = await post(app, '/auth/change-password', payload, { authorization: `Bearer ${token}` })
    if (answer.statusCode === 200) [token, password] = [answer.json().access_token, payload.new_password]
    return answer
  }
  t.same(await statuses(5, change), [200, 200, 200, 429, 429])
  t.equal((await logIn(app, ada!.email, ada!.device)).statusCode, 200, 'other users are not affected')
})

t.test('a known browser has its own limit, and its attempts do not count for its address', async t => {
  const { app } = await build(t)
  const [ada] = await people(app, 1)
  t.same(await statuses(5, () => logIn(app, ada!.email, ada!.device, 'wrong')), LIMITED)
  t.equal((await logIn(app, ada!.email)).statusCode, 200, 'the address is not limited')
})

t.test('over the limit, a request that cannot have a valid credential is refused before its body is read', async t => {
  const { app } = await build(t)
  const [ada] = await people(app, 1)
  const broken = (url: string, headers = {}) =>
    app.inject({ method: 'POST', url, payload: '{', headers: { 'content-type': 'application/json', ...headers } })
  for (const url of ['/auth/login', '/auth/register', '/auth/change-password', '/api/token/']) {
    await statuses(3, () => post(app, url, { nonsense: true }))
    t.equal((await broken(url)).statusCode, 429, url)
  }
  await statuses(3, () => post(app, '/auth/refresh', { refresh_token: 'garbage' }))
  t.equal((await app.inject({ method: 'POST', url: '/auth/refresh' })).statusCode, 429, 'a refresh without a token')
  t.equal((await broken('/auth/refresh', { cookie: `${REFRESH}=garbage` })).statusCode, 429, 'or with an invalid one')
  t.equal((await broken('/auth/login', { cookie: `${DEVICE}=${ada!.device}` })).statusCode, 400)
})

t.test('a device cookie on a request with a missing or malformed body does not bypass the limit', async t => {
  const { app } = await build(t)
  const [ada] = await people(app, 1)
  const bodies = [
    undefined,
    {},
    { email: 7, password: 'x' },
    { username: 'a\0b', password: 'x' },
    { nonsense: ada!.email },
  ]
  for (const url of ['/auth/login', '/api/token/']) {
    const attempt = (index: number) =>
      app.inject({
        method: 'POST',
        url,
        cookies: { [DEVICE]: ada!.device },
        ...(bodies[index % 5] && { payload: bodies[index % 5]! }),
      })
    t.notOk(
      (await statuses(5, attempt)).some(status => status >= 500 || status === 200),
      url,
    )
    t.same(await statuses(5, attempt), [429, 429, 429, 429, 429], url)
  }
})

t.test('a page of another site cannot use up attempts with the device cookie of its visitor', async t => {
  const { app } = await build(t)
  const [ada] = await people(app, 1)
  for (const url of ['/auth/login', '/api/token/']) {
    const answer = await app.inject({
      method: 'POST',
      url,
      payload: { username: ada!.email, password: 'wrong' },
      headers: { origin: 'https://evil.example', 'sec-fetch-site': 'same-site' },
      cookies: { [DEVICE]: ada!.device },
    })
    t.equal(answer.statusCode, 403, url)
  }
})
