import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { clientToken, makeClient, postForm } from '../support/clients.js'
import { PASSWORD, post, refresh, signUp } from '../support/people.js'
import { listen, parseAnswer, rawRequest } from '../support/raw-request.js'

/** Header bytes that a decoder could take for white space and HTTP does not. Node decodes them as Latin-1. */
const NO_SPACES = ['\u00a0', '\u0085', '\u00ad', '\u00a0\u00a0', ' \u00a0', '\u00a0 ', '\u00ff']

t.test('a token in a header has one spelling: only HTTP white space around it is removed', async t => {
  const { app } = await buildTestApp(t, { ACCESS_COOKIE: 'on' })
  const ada = await signUp(app)
  const client = await clientToken(app, await makeClient(app, 'admin'))
  const port = await listen(app)
  const status = async (path: string, line: string) => {
    const request = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${line}\r\n\r\n`
    return parseAnswer(await rawRequest(port, request)).status
  }
  for (const [path, token] of [
    ['/auth/verify', ada.accessToken],
    ['/auth/profile', ada.accessToken],
    ['/api/users/me/sessions', ada.accessToken],
    ['/admin/users', client],
  ] as const) {
    for (const good of [token, `${token} `, ` ${token}`, `   ${token} \t `])
      t.not(await status(path, `Authorization: Bearer ${good}`), 401, `${path} ${JSON.stringify(good.slice(0, 5))}`)
    for (const odd of NO_SPACES) {
      t.equal(
        await status(path, `Authorization: Bearer ${token}${odd}`),
        401,
        `${path} ${encodeURIComponent(odd)} after the token`,
      )
      t.equal(
        await status(path, `Authorization: Bearer ${odd}${token}`),
        401,
        `${path} ${encodeURIComponent(odd)} before the token`,
      )
      t.equal(
        await status(path, `Authorization: Bearer${odd}${token}`),
        401,
        `${path} ${encodeURIComponent(odd)} instead of the space`,
      )
    }
    for (const between of ['\t', ' \t', '\t '])
      t.equal(await status(path, `Authorization: Bearer${between}${token}`), 401, `${path} a tab before the token`)
    for (const ill of [`Bearer\r\n ${token}`, `Bearer ${token}\r`, `Bearer \v${token}`, `Bearer ${token}\0`])
      t.equal(await status(path, `Authorization: ${ill}`), 400, `${path} ${JSON.stringify(ill.slice(0, 10))}`)
  }
})

t.test('a token in a cookie has one spelling, without percent-encoding or quotation marks', async t => {
  const { app } = await buildTestApp(t, { ACCESS_COOKIE: 'on' })
  const ada = await signUp(app)
  const respelled = (token: string) => [
    ...NO_SPACES.map(odd => `${token}${odd}`),
    ...NO_SPACES.map(odd => `${odd}${token}`),
    token.replace(/./, first => `%${first.charCodeAt(0).toString(16)}`),
    `${token}%20`,
    `${token}%00`,
    `"${token}"`,
  ]
  for (const value of respelled(ada.accessToken)) {
    const headers = { cookie: `__Host-latchkey-at=${value}` }
    const answer = await app.inject({ url: '/auth/verify', headers })
    t.match(answer.json(), { status: 401, code: 'token_invalid' }, JSON.stringify(value.slice(-5)))
  }
  for (const value of respelled(ada.refreshToken)) {
    const headers = { cookie: `__Host-latchkey=${value}` }
    const answer = await app.inject({ method: 'POST', url: '/auth/refresh', headers })
    t.match(answer.json(), { status: 401, code: 'refresh_token_invalid' }, JSON.stringify(value.slice(-5)))
  }
  for (const value of [`${ada.refreshToken} `, ` ${ada.refreshToken}\t`]) {
    const headers = { cookie: `a=b;__Host-latchkey=${value}; c=d` }
    t.equal((await app.inject({ method: 'POST', url: '/auth/refresh', headers })).statusCode, 200, 'spaces are removed')
  }
})

t.test('a token in a body has one spelling', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const client = await makeClient(app, 'introspect', 'sessions')
  const authorization = client.basic
  for (const space of [' ', '\t', '\n', '\r\n', ...NO_SPACES, '\u2028', '\ufeff', '\u3000'])
    for (const around of [(token: string) => token + space, (token: string) => space + token]) {
      const [access, refreshToken] = [around(ada.accessToken), around(ada.refreshToken)]
      const message = encodeURIComponent(space)
      t.match((await refresh(app, refreshToken)).json(), { code: 'refresh_token_invalid' }, message)
      t.match((await post(app, '/auth/logout', { refresh_token: refreshToken })).json(), {
        code: 'refresh_token_invalid',
      })
      t.match((await post(app, '/auth/verify', { token: access })).json(), { code: 'token_invalid' }, message)
      for (const token of [access, refreshToken]) {
        const fields = { token, token_type_hint: 'refresh_token' }
        t.same((await postForm(app, '/oauth/introspect', fields, { authorization })).json(), { active: false }, message)
        t.match((await post(app, '/api/token/verify/', { token })).json(), { code: 'token_not_valid' }, message)
      }
      for (const url of ['/api/token/refresh/', '/api/token/blacklist/'])
        t.match((await post(app, url, { refresh: refreshToken })).json(), { code: 'token_not_valid' }, message)
    }
  t.match(await post(app, '/api/token/verify/', { token: ' \t\n' }), { statusCode: 400 }, 'a blank token is missing')
  t.equal((await refresh(app, ada.refreshToken)).statusCode, 200, 'the valid token is unaffected')
  const named = { username: ` ${ada.email}\n`, password: PASSWORD }
  t.equal((await post(app, '/api/token/', named)).statusCode, 200, 'a username is trimmed, as in Django')
})

t.test('a client’s secret is compared without trimming', async t => {
  const { app } = await buildTestApp(t)
  const { id, secret, basic } = await makeClient(app, 'introspect')
  const grant = 'grant_type=client_credentials'
  const ask = (headers: Record<string, string>, more = '') => postForm(app, '/oauth/token', grant + more, headers)
  for (const odd of [...NO_SPACES, '\t']) {
    t.equal((await ask({ authorization: `${basic}${odd}` })).statusCode, 401, encodeURIComponent(odd))
    t.equal((await ask({ authorization: basic.replace(' ', odd) })).statusCode, 401, encodeURIComponent(odd))
    for (const text of [secret + odd, odd + secret])
      t.equal((await ask({}, `&client_id=${id}&client_secret=${encodeURIComponent(text)}`)).statusCode, 401)
  }
  t.equal((await ask({ authorization: basic.replace(' ', '   ') })).statusCode, 200)
})
