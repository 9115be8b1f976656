import { createServer } from 'node:net'
import t from 'tap'
import { until } from '../support/eventually.js'
import { externalStores } from '../support/external-stores.js'
import { runLatchkey } from '../support/run-latchkey.js'
import { type ServiceProcess, startService } from '../support/service-process.js'
import { startMailServer } from '../support/smtp-server.js'

/** These must not appear in a log or an error. Each has a part that every encoding keeps, so a search finds it. */
const PASSWORD = 'CanaryPasswordKq7Zt long enough'
const WRONG = 'CanaryWrongPasswordXw3 long enough'
const EMAIL = 'canary-adr9f2@example.com'

/** Sends requests to a service, and collects the secrets in its responses and the bodies of its errors. */
function client(url: string) {
  const secrets = [PASSWORD, WRONG, EMAIL, 'CanaryPassword', 'CanaryWrong', 'canary-adr9f2']
  const refusals: string[] = []
  return {
    secrets,
    refusals,
    async send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
      const isJson = body !== undefined && !(body instanceof URLSearchParams)
      const response = await fetch(url + path, {
        method,
        headers: { ...(isJson && { 'content-type': 'application/json' }), ...headers },
        ...(body !== undefined && {
          body: isJson && typeof body !== 'string' ? JSON.stringify(body) : (body as string),
        }),
      })
      const text = await response.text()
      const answer = text.startsWith('{') ? JSON.parse(text) : {}
      if (response.status >= 400) refusals.push(text)
      const cookies = response.headers.getSetCookie().map(cookie => cookie.split(/[=;]/)[1])
      const { access_token, refresh_token, access, refresh, temporary_password, token } = answer
      for (const secret of [access_token, refresh_token, access, refresh, temporary_password, token, ...cookies]) {
        // The whole token and parts of it, to find one that was cut or quoted too. A cleared cookie has no value.
        if (secret) secrets.push(secret, secret.slice(-30), ...(secret.length > 60 ? [secret.slice(30, 60)] : []))
      }
      return { status: response.status, code: answer.code as string | undefined, answer }
    },
  }
}
type Client = ReturnType<typeof client>

function findsNothing(t: Tap, { secrets, refusals }: Client, service: ServiceProcess) {
  const log = service.output()
  for (const [where, text] of [
    ['the log', log],
    ['an error', refusals.join('\n')],
  ] as const) {
    const found = secrets.filter(secret => text.includes(secret) || text.includes(encodeURIComponent(secret)))
    t.same(found, [], `no secret is in ${where} of ${text.length} characters`)
  }
  return log
}
type Tap = Parameters<typeof startService>[0]

t.test('no password, token, cookie or e-mail appears in the log or in an error, even at level trace', async t => {
  const { env } = await externalStores(t)
  const times = { REFRESH_MIN_AGE: '0s', REFRESH_LEEWAY: '0s', JWT_EXPIRES_IN: '10s' }
  const service = await startService(t, { env: { ...env, ...times, LOG_LEVEL: 'trace', ACCESS_COOKIE: 'on' } })
  const canary = client(service.url)
  const { send } = canary
  const credentials = { email: EMAIL, password: PASSWORD }

  t.equal((await send('POST', '/auth/register', credentials)).status, 201)
  const { answer: body } = await send('POST', '/auth/login', { ...credentials, transport: 'body' })
  const bearer = { authorization: `Bearer ${body.access_token}` }
  const cookie = `__Host-latchkey=${body.refresh_token}; __Host-latchkey-at=${body.access_token}`
  t.equal((await send('POST', '/auth/register', credentials)).code, 'email_taken')
  t.equal((await send('POST', '/auth/login', { ...credentials, password: WRONG })).code, 'invalid_credentials')
  t.equal((await send('GET', '/auth/profile', undefined, bearer)).status, 200)
  t.equal((await send('GET', '/auth/sessions', undefined, bearer)).status, 200)

  // Secrets in the wrong fields.
  const misplaced = [
    ['POST', '/auth/login', { email: PASSWORD, password: EMAIL }],
    ['POST', '/auth/login', { email: body.refresh_token, password: body.access_token }],
    ['POST', '/auth/login', { ...credentials, transport: PASSWORD }],
    ['POST', '/auth/login', { ...credentials, remember: PASSWORD }],
    ['POST', '/auth/login', `{"email":"${EMAIL}","password":"${PASSWORD}"`],
    ['POST', '/auth/login', `${PASSWORD} ${body.refresh_token}`],
    ['POST', '/auth/login', { email: EMAIL, username: EMAIL, password: PASSWORD }],
    ['POST', '/auth/register', { email: `${EMAIL} ${PASSWORD}`, password: PASSWORD }],
    ['POST', '/auth/register', { email: EMAIL, password: EMAIL }],
    ['POST', '/auth/register', { email: `\u0000${EMAIL}`, password: PASSWORD }],
    ['POST', '/auth/change-password', { email: EMAIL, current_password: WRONG, new_password: PASSWORD }],
    ['POST', '/auth/change-password', { email: EMAIL, current_password: PASSWORD, new_password: EMAIL }],
    ['POST', '/auth/change-password', { current_password: PASSWORD, new_password: WRONG }],
    ['POST', '/auth/reset-password', { token: PASSWORD, new_password: PASSWORD }],
    ['POST', '/auth/reset-password', { token: body.refresh_token, new_password: WRONG }],
    ['POST', '/auth/refresh', { refresh_token: PASSWORD }],
    ['POST', '/auth/refresh', { refresh_token: body.access_token }],
    ['POST', '/auth/verify', { token: body.refresh_token }],
    ['POST', '/auth/verify', { token: PASSWORD }],
    ['GET', `/auth/verify?role=${encodeURIComponent(PASSWORD)}&access_token=${body.access_token}`, undefined],
    ['GET', `/auth/refresh?refresh_token=${body.refresh_token}&email=${EMAIL}`, undefined],
    ['POST', `/auth/login?password=${encodeURIComponent(PASSWORD)}`, {}],
  ] as const
  for (const [method, path, payload] of misplaced) {
    const { status } = await send(method, path, payload, path.startsWith('/auth/verify?') ? bearer : {})
    t.ok(status >= 400 && status < 500, `${method} ${path.slice(0, 20)}`)
  }
  for (const headers of [
    { authorization: `Basic ${Buffer.from(`${EMAIL}:${PASSWORD}`).toString('base64')}` },
    { authorization: `Bearer ${PASSWORD}` },
    { authorization: `Bearer ${body.access_token}x` },
    { cookie, authorization: 'Bearer' },
    { 'user-agent': `${PASSWORD} ${body.refresh_token}`, referer: `https://example.com/?token=${body.refresh_token}` },
    {
      origin: `https://${body.refresh_token}.example`,
      'x-forwarded-for': PASSWORD,
      'x-request-id': body.refresh_token,
    },
  ])
    t.ok((await send('GET', '/auth/profile', undefined, headers as never)).status >= 400)
  // Duplicated cookies, and cookies beside many others, must not cause a 5xx.
  for (const cookies of [`${cookie}; ${cookie}`, `${cookie}; filler=${'x'.repeat(4000)}`])
    t.ok((await send('GET', '/auth/profile', undefined, { cookie: cookies })).status < 500)
  t.equal((await send('POST', '/auth/refresh', undefined, { cookie, origin: 'https://evil.example' })).status, 403)

  // Reuse of a stolen token, then sign-out.
  const first = await send('POST', '/auth/refresh', { refresh_token: body.refresh_token })
  const second = await send('POST', '/auth/refresh', { refresh_token: first.answer.refresh_token })
  t.equal(second.status, 200)
  const told = await send('POST', '/auth/refresh', { refresh_token: body.refresh_token })
  t.equal(told.code, 'refresh_token_superseded')
  const back = { refresh_token: body.refresh_token, ticket: told.answer.ticket }
  t.equal((await send('POST', '/auth/refresh', back)).code, 'refresh_token_reused')
  t.equal((await send('POST', '/auth/refresh', { refresh_token: second.answer.refresh_token })).code, 'session_revoked')
  t.equal((await send('GET', '/auth/profile', undefined, bearer)).code, 'token_revoked')
  t.equal((await send('POST', '/auth/logout', { refresh_token: body.refresh_token })).status, 204)
  t.equal(await service.stop(), 0)

  const log = findsNothing(t, canary, service)
  t.match(log, '/auth/login', 'the log contains these requests')
  t.ok(canary.secrets.length > 20)
})

t.test('no letter, and no token of one, appears in the log or in an error, even at level trace', async t => {
  const { env } = await externalStores(t)
  const server = await startMailServer(t)
  const mail = { SMTP_URL: server.url, MAIL_FROM: 'no-reply@example.com', REGISTRATION: 'verified' }
  const service = await startService(t, { env: { ...env, ...mail, LOG_LEVEL: 'trace', LOG_SECURITY_EVENTS: 'on' } })
  const canary = client(service.url)
  const { send } = canary
  const arrived = async (count: number) => {
    await until(() => server.mails.length === count)
    const source = server.mails.at(-1)!.source.replace(/=\r\n/g, '').replaceAll('=3D', '=')
    const [token = ''] = /lk_\w\w_[\w-]{87}/.exec(source) ?? []
    t.not(token, '')
    canary.secrets.push(token, token.slice(-30), token.slice(30, 60))
    return token
  }
  const credentials = { email: EMAIL, password: PASSWORD }
  t.equal((await send('POST', '/auth/register', credentials)).status, 202)
  const registering = await arrived(1)
  t.equal((await send('POST', '/auth/verify-email', { token: registering })).status, 204)
  t.equal((await send('POST', '/auth/verify-email', { token: registering })).code, 'letter_token_invalid')
  server.refuse(EMAIL, 451)
  t.equal((await send('POST', '/auth/forgot-password', { email: EMAIL })).status, 202)
  await until(() => service.output().includes('letter_password_reset'))
  t.equal((await send('POST', '/auth/register', credentials)).status, 202)
  await until(() => service.output().includes('letter_account_exists'))
  t.equal(await service.stop(), 0)
  const log = findsNothing(t, canary, service)
  t.match(log, 'security event registered')
})

t.test('no secret of a client, an administrator or Simple JWT appears in the log or in an error', async t => {
  const { env } = await externalStores(t)
  const made = await runLatchkey(['clients', 'create', 'shop', '--scope', 'introspect,sessions,admin'], { env })
  const [, id = ''] = /client_id ([0-9a-f-]{36})/.exec(made.stdout) ?? []
  const [secret = ''] = /lk_cs_[\w-]{43}/.exec(made.stdout) ?? []
  const service = await startService(t, { env: { ...env, LOG_LEVEL: 'trace' } })
  const canary = client(service.url)
  canary.secrets.push(secret, secret.slice(-30), Buffer.from(`${id}:${secret}`).toString('base64').slice(-30))
  const { send } = canary
  const form = (fields: Record<string, string>) => new URLSearchParams(fields)
  const basic = { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` }

  const granted = await send('POST', '/oauth/token', form({ grant_type: 'client_credentials' }), basic)
  const admin = { authorization: `Bearer ${granted.answer.access_token}` }
  const user = (await send('POST', '/admin/users', { email: EMAIL }, admin)).answer
  const reset = await send('POST', `/admin/users/${user.user.id}/password-reset`, undefined, admin)
  t.match(reset, { status: 200, answer: { token: /^lk_pr_/ } })
  const { answer: opened } = await send('POST', `/admin/users/${user.user.id}/sessions`, {}, admin)
  const change = { email: EMAIL, current_password: user.temporary_password, new_password: PASSWORD }
  t.equal((await send('POST', '/auth/change-password', change)).status, 200)
  const simple = await send('POST', '/api/token/', { username: EMAIL, password: PASSWORD })
  t.match(simple, { status: 200, answer: { access: /^eyJ/, refresh: /^lk_rt_/ } })
  t.ok(canary.secrets.length > 30)

  // Secrets in the wrong fields.
  const misplaced = [
    ['POST', '/oauth/token', form({ grant_type: 'client_credentials', client_id: secret, client_secret: id })],
    ['POST', '/oauth/token', form({ grant_type: secret, client_id: id, client_secret: secret })],
    ['POST', '/oauth/token', form({ grant_type: 'client_credentials', scope: secret })],
    ['POST', '/oauth/token', form({ grant_type: 'refresh_token', refresh_token: secret })],
    ['POST', '/oauth/token', form({ grant_type: 'refresh_token', refresh_token: simple.answer.refresh })],
    ['POST', '/oauth/token', { grant_type: 'client_credentials', client_secret: secret }],
    ['POST', `/oauth/token?client_secret=${secret}`, form({ grant_type: 'password', password: PASSWORD })],
    ['POST', '/oauth/introspect', form({ client_id: id, client_secret: `${secret}x`, token: opened.access_token })],
    ['POST', '/oauth/introspect', `token=${opened.access_token}`],
    ['POST', '/admin/users', { email: `${EMAIL} ${PASSWORD}` }],
    ['POST', '/admin/users', { email: `x${EMAIL}`, roles: [`${PASSWORD},x`] }],
    ['POST', '/admin/users', { email: `x${EMAIL}`, password: PASSWORD }],
    ['GET', `/admin/users?email=${EMAIL}&token=${secret}`, undefined],
    ['GET', `/admin/users?cursor=${secret}`, undefined],
    ['POST', '/api/token/', { username: PASSWORD, password: EMAIL }],
    ['POST', '/api/token/', { username: [PASSWORD], password: EMAIL }],
    ['POST', '/api/token/', `{"username":"${EMAIL}","password":"${PASSWORD}"`],
    ['POST', '/api/token/refresh/', { refresh: PASSWORD }],
    ['POST', '/api/token/refresh/', { refresh: simple.answer.access }],
    ['POST', '/api/token/verify/', { token: `${simple.answer.access}x` }],
    ['GET', `/api/token/verify/?token=${simple.answer.access}`, undefined],
    ['POST', '/auth/reset-password', { token: reset.answer.token, new_password: PASSWORD }],
  ] as const
  for (const [method, path, body] of misplaced) {
    const { status } = await send(method, path, body, path.startsWith('/admin') ? admin : {})
    t.ok(status >= 400 && status < 500, `${method} ${path.slice(0, 20)}: ${status}`)
  }
  t.equal((await send('GET', '/admin/users', undefined, { authorization: `Bearer ${secret}` })).status, 401)
  t.equal((await send('GET', '/admin/users', undefined, basic)).status, 401)
  t.equal(await service.stop(), 0)
  t.match(findsNothing(t, canary, service), '/oauth/token', 'the log contains these requests')
})

t.test('no secret appears in the log or in an error while Postgres and Redis fail', async t => {
  const { env, database } = await externalStores(t)
  // Nothing listens on this port: Redis is unavailable from the start.
  const placeholder = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => placeholder.once('listening', resolve))
  const { port } = placeholder.address() as { port: number }
  await new Promise(resolve => placeholder.close(resolve))
  const service = await startService(t, {
    env: { ...env, REDIS_URL: `redis://user:CanaryPassword@127.0.0.1:${port}`, LOG_LEVEL: 'trace' },
  })
  const canary = client(service.url)
  const { send } = canary
  const { answer } = await send('POST', '/auth/register', { email: EMAIL, password: PASSWORD, transport: 'body' })

  // Every statement fails now, with errors in which Postgres and its driver quote the row.
  await database.admin`alter table users rename to users_away`
  t.equal((await send('POST', '/auth/login', { email: EMAIL, password: PASSWORD })).status, 500)
  t.equal((await send('POST', '/auth/register', { email: `x${EMAIL}`, password: PASSWORD })).status, 500)
  t.ok((await send('POST', '/auth/refresh', { refresh_token: answer.refresh_token })).status >= 500)
  await database.admin`alter table users_away rename to users`
  await database.admin`alter table users add constraint nobody check (email = '') not valid`
  t.equal((await send('POST', '/auth/register', { email: `y${EMAIL}`, password: PASSWORD })).status, 500)
  await database.admin`alter table users drop constraint nobody`
  await database.admin`alter table refresh_tokens add constraint nothing check (generation < 0) not valid`
  t.equal((await send('POST', '/auth/login', { email: EMAIL, password: PASSWORD })).status, 500)
  t.equal((await send('POST', '/auth/refresh', { refresh_token: answer.refresh_token })).status, 500)

  // Now Postgres quotes a value in the message itself.
  await database.admin`alter table sessions alter column user_agent type integer using null`
  const quoted = { 'user-agent': `${PASSWORD} ${answer.refresh_token}` }
  await database.admin`alter table refresh_tokens drop constraint nothing`
  t.equal((await send('POST', '/auth/login', { email: EMAIL, password: PASSWORD }, quoted)).status, 500)

  const [{ datname }] = (await database.admin`select current_database() as datname`) as unknown as [{ datname: string }]
  await database.admin.unsafe(`alter database ${datname} connection limit 0`)
  await database.admin`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'latchkey'
    and datname = current_database()`
  await send('POST', '/auth/login', { email: EMAIL, password: PASSWORD })
  await send('POST', '/auth/refresh', { refresh_token: answer.refresh_token })
  await service.stop()

  const log = findsNothing(t, canary, service)
  t.match(log, 'internal_error', 'the failures are logged')
  for (const body of canary.refusals)
    t.notMatch(body, /select|insert|constraint|postgres|\.[jt]s:/i, 'no SQL and no stack trace')
})
