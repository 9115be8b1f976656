import type { RouteOptions } from 'fastify'
import t from 'tap'
import { issuePasswordReset } from '../../src/domain/passwords/password-reset.js'
import { buildTestApp } from '../support/build-test-app.js'
import { clientToken, makeClient, postForm, signUpAdmin } from '../support/clients.js'
import { PASSWORD, post, signUp } from '../support/people.js'

const COMMON = 'password'
const bearer = (accessToken: string) => ({ authorization: `Bearer ${accessToken}` })

t.test('an error of a route for users names the field as the request named it', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const signedIn = bearer(ada.accessToken)
  const { token } = await issuePasswordReset(app.context, ada.email, 'test')
  const cookie = { cookie: '__Host-latchkey=abc' }
  const cases: [url: string, body: object, code: string, fields: string[], headers?: Record<string, string>][] = [
    ['/auth/register', {}, 'invalid_request', ['email', 'password']],
    ['/auth/register', { email: 'nobody', password: PASSWORD }, 'invalid_email', ['email']],
    ['/auth/register', { email: ada.email, password: PASSWORD }, 'email_taken', ['email']],
    ['/auth/register', { email: 'b@example.com', password: COMMON }, 'password_too_common', ['password']],
    ['/auth/login', { password: PASSWORD }, 'invalid_request', ['email', 'username']],
    ['/auth/login', { email: 'a', username: 'a', password: 'a' }, 'invalid_request', ['email', 'username']],
    ['/auth/login', { email: 'a', password: 'a', transport: 'header' }, 'invalid_request', ['transport']],
    ['/auth/change-password', { oldPassword: 'a' }, 'invalid_request', ['new_password']],
    ['/auth/change-password', { oldPassword: 1, newPassword: '' }, 'invalid_request', ['oldPassword', 'newPassword']],
    ['/auth/change-password', { currentPassword: 1, new_password: 'a' }, 'invalid_request', ['currentPassword']],
    ['/auth/change-password', { oldPassword: 'a', newPassword: 'b' }, 'authentication_required', ['email']],
    [
      '/auth/change-password',
      { currentPassword: PASSWORD, newPassword: COMMON },
      'password_too_common',
      ['newPassword'],
      signedIn,
    ],
    [
      '/auth/change-password',
      { current_password: PASSWORD, new_password: PASSWORD },
      'password_unchanged',
      ['new_password'],
      signedIn,
    ],
    [
      '/auth/change-password',
      { email: 'b@example.com', old_password: PASSWORD, new_password: 'b' },
      'account_mismatch',
      ['email'],
      signedIn,
    ],
    ['/auth/reset-password', { token, newPassword: 'short' }, 'password_too_short', ['newPassword']],
    ['/auth/reset-password', { token, new_password: 'short' }, 'password_too_short', ['new_password']],
    ['/auth/refresh', { refreshToken: 'abc' }, 'ambiguous_credentials', ['refreshToken'], cookie],
    ['/auth/logout', { refresh_token: 'abc' }, 'ambiguous_credentials', ['refresh_token'], cookie],
    ['/auth/logout', { scope: 'everyone' }, 'invalid_request', ['scope']],
    ['/auth/verify', {}, 'invalid_request', ['token']],
  ]
  for (const [url, body, code, fields, headers] of cases) {
    const { errors, ...problem } = (await post(app, url, body, headers)).json()
    const title = `${url} ${JSON.stringify(Object.keys(body))} ${code}`
    t.equal(problem.code, code, title)
    t.strictSame(
      errors?.map(({ field }: { field: string }) => field),
      fields,
      title,
    )
    for (const { message } of errors ?? []) t.match(message, /^[a-z][^^$\\]*[^.]$/, title)
  }
})

t.test('an error of a route for administrators names the field as the request named it', async t => {
  const { app } = await buildTestApp(t)
  const admin = await signUpAdmin(app)
  const ada = await signUp(app)
  const [owner, other] = [admin.userId, ada.userId].map(id => `/admin/users/${id}`) as [string, string]
  const change = (method: 'GET' | 'POST' | 'PATCH', url: string, payload?: object) =>
    app.inject({ method, url, headers: bearer(admin.accessToken), ...(payload && { payload }) })
  await change('PATCH', other, { username: 'ada' })
  const email = 'new@example.com'
  await change('POST', '/admin/users', { email: 'c@example.com', external_id: '7' })
  const cases: [
    method: 'GET' | 'POST' | 'PATCH',
    url: string,
    body: object | undefined,
    code: string,
    fields: string[],
  ][] = [
    ['GET', '/admin/users?limit=0', undefined, 'invalid_request', ['limit']],
    ['GET', '/admin/users?email=a&username=b', undefined, 'invalid_request', ['email', 'username']],
    ['GET', '/admin/users?cursor=abc', undefined, 'invalid_request', ['cursor']],
    ['GET', '/admin/users/7', undefined, 'invalid_request', ['id']],
    ['POST', '/admin/users', { email: ada.email }, 'email_taken', ['email']],
    ['POST', '/admin/users', { email, username: 'ada' }, 'username_taken', ['username']],
    ['POST', '/admin/users', { email, username: 'b@example.com' }, 'invalid_username', ['username']],
    ['POST', '/admin/users', { email, external_id: '7' }, 'external_id_taken', ['external_id']],
    ['POST', '/admin/users', { email, roles: ['a,b'] }, 'invalid_role', ['roles']],
    ['POST', '/admin/users', { email, roles: ['a', 1] }, 'invalid_request', ['roles.1']],
    ['PATCH', other, { roles: ['ADMIN'] }, 'invalid_role', ['roles']],
    ['PATCH', other, { roles: [], email }, 'invalid_request', ['roles']],
    ['PATCH', other, { email: 'nobody' }, 'invalid_email', ['email']],
    ['PATCH', other, { username: 1 }, 'invalid_request', ['username']],
    ['PATCH', owner, { roles: [] }, 'own_account', ['roles']],
    ['POST', '/admin/revocations', { role: 'a,b' }, 'invalid_role', ['role']],
    ['POST', '/admin/revocations', { before: '2026-06-30T23:59:60Z' }, 'invalid_request', ['before']],
    ['POST', '/admin/revocations', { client_id: 'x' }, 'invalid_request', ['client_id']],
  ]
  for (const [method, url, body, code, fields] of cases) {
    const { errors, ...problem } = (await change(method, url, body)).json()
    const title = `${method} ${url} ${JSON.stringify(body)}`
    t.equal(problem.code, code, title)
    t.strictSame(
      errors?.map(({ field }: { field: string }) => field),
      fields,
      title,
    )
  }
  t.equal(
    (await change('POST', '/admin/revocations', {})).json().detail,
    'The body must have exactly one of before, role and client_id.',
  )
})

t.test('an error of a route for clients says in its description which parameter is wrong', async t => {
  const { app } = await buildTestApp(t)
  const client = await makeClient(app, 'introspect')
  const form = (url: string, fields: Record<string, string>) =>
    postForm(app, url, fields, { authorization: client.basic })
  const cases: [url: string, fields: Record<string, string>, error: string, description: RegExp][] = [
    ['/oauth/token', {}, 'invalid_request', /^grant_type is required$/],
    ['/oauth/token', { grant_type: 'password' }, 'unsupported_grant_type', /^grant_type must be client_credentials or/],
    ['/oauth/token', { grant_type: 'refresh_token' }, 'invalid_request', /^refresh_token is required/],
    ['/oauth/token', { grant_type: 'client_credentials', scope: 'nope' }, 'invalid_scope', /^scope contains a scope/],
    ['/oauth/introspect', {}, 'invalid_request', /^token is required$/],
    ['/oauth/revoke', { token: 'x'.repeat(5000) }, 'invalid_request', /^token is too long: at most 4096 characters$/],
  ]
  for (const [url, fields, error, description] of cases)
    t.match((await form(url, fields)).json(), { error, error_description: description }, url)
  const empty = await app.inject({ method: 'POST', url: '/oauth/token' })
  t.match(empty.json(), { error: 'invalid_request', error_description: 'grant_type is required' }, 'no body')
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const twice = await app.inject({ method: 'POST', url: '/oauth/token', headers, payload: 'scope=a&scope=b' })
  t.equal(twice.json().error_description, 'scope can be sent only once')
  t.ok(await clientToken(app, client), 'a valid request is accepted')
})

t.test('every pattern of a request has a message in words', async t => {
  const routes: RouteOptions[] = []
  await buildTestApp(t, {}, { prepare: app => void app.addHook('onRoute', route => void routes.push(route)) })
  let seen = 0
  for (const { method, url, schema } of routes) {
    for (const part of schemasIn([schema?.body, schema?.querystring, schema?.params, schema?.headers])) {
      if (part.pattern === undefined) continue
      seen++
      t.match(part['x-message'], /^(must|is|cannot) .*[^.]$/, `${method} ${url} ${part.pattern}`)
    }
  }
  t.ok(seen > 10)
})

function schemasIn(node: unknown): Record<string, unknown>[] {
  if (typeof node !== 'object' || node === null) return []
  return [node as Record<string, unknown>, ...Object.values(node).flatMap(schemasIn)]
}
