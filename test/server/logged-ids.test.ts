import { pino } from 'pino'
import t, { type Test } from 'tap'
import { loggerOptions } from '../../src/server/logging.js'
import { buildTestApp } from '../support/build-test-app.js'
import { asClient, clientToken, makeClient, postForm, refreshAsClient } from '../support/clients.js'
import { get, PASSWORD, post, refresh, refreshed, refreshWithTicket, signIn, signUp } from '../support/people.js'

/** The service with its log; `last` sends a request and returns its line. */
async function logged(t: Test, env: NodeJS.ProcessEnv = {}) {
  const lines: string[] = []
  const log = pino(loggerOptions('debug'), { write: (line: string) => void lines.push(line) })
  const test = await buildTestApp(t, env, { log })
  const last = async (send: () => Promise<unknown>) => {
    lines.length = 0
    await send()
    const all = lines.map(line => JSON.parse(line))
    const completed = all.find(({ msg }) => msg === 'request completed')
    const refused = all.find(({ msg }) => msg === 'request refused')
    if (refused) {
      const { code, reqId, userId, sessionId, clientId } = completed
      t.match(refused, JSON.parse(JSON.stringify({ code, reqId, userId, sessionId, clientId })), 'both lines agree')
    }
    return completed
  }
  return { ...test, lines, last }
}

t.test('the line of a request names its user and session, from the sign-in to the sign-out', async t => {
  const { app, last } = await logged(t)
  const ada = await signUp(app)
  const ids = { userId: ada.userId }
  t.match(await last(() => signIn(app, ada.email)), { ...ids, sessionId: /^[0-9a-f-]{36}$/, code: undefined })
  const own = { ...ids, sessionId: ada.sessionId, clientId: undefined }
  t.match(await last(() => get(app, '/auth/profile', ada.accessToken)), own)
  t.match(await last(() => refresh(app, ada.refreshToken)), own)
  t.match(await last(() => post(app, '/auth/verify', { token: ada.accessToken })), own)
  const change = { email: ada.email, current_password: PASSWORD, new_password: 'another good passphrase' }
  t.match(await last(() => post(app, '/auth/change-password', { ...change, transport: 'body' })), ids)
  const bob = await signUp(app)
  const bobs = { userId: bob.userId, sessionId: bob.sessionId }
  t.match(await last(() => post(app, '/auth/logout', { refresh_token: bob.refreshToken })), bobs)
})

t.test('the line of a refused request has its code, and the user and session that it concerns', async t => {
  const { app, clock, last, lines } = await logged(t, { REFRESH_MIN_AGE: '0s', REFRESH_LEEWAY: '0s' })
  const ada = await signUp(app)
  const own = { userId: ada.userId, sessionId: ada.sessionId }
  const wrong = () => post(app, '/auth/login', { email: ada.email, password: 'wrong' })
  t.match(await last(wrong), { code: 'invalid_credentials', userId: ada.userId, res: { statusCode: 401 } })
  t.notMatch(lines.join(), ada.email)
  const nobody = () => post(app, '/auth/login', { email: 'nobody@example.com', password: 'wrong' })
  t.match(await last(nobody), { code: 'invalid_credentials', userId: undefined })

  let newest = ada.refreshToken
  for (let generation = 0; generation < 3; generation++) {
    await clock.advance(120)
    newest = await refreshed(app, newest)
  }
  t.match(await last(() => refresh(app, ada.refreshToken)), { code: 'refresh_token_superseded', ...own })
  t.match(await last(() => refreshWithTicket(app, ada.refreshToken)), { code: 'refresh_token_superseded', ...own })
  t.match(await last(() => refresh(app, newest)), { code: 'session_revoked', ...own })
  t.match(await last(() => get(app, '/auth/profile', ada.accessToken)), { code: /token_(revoked|expired)/, ...own })
  t.match(await last(() => get(app, '/nowhere', 'x')), { code: 'not_found', res: { statusCode: 404 } })
})

t.test('a request of a client has its id, also if its secret is wrong', async t => {
  const { app, last } = await logged(t)
  const ada = await signUp(app)
  const client = await makeClient(app, 'sessions', 'introspect')
  const headers = { authorization: `Bearer ${await clientToken(app, client)}` }
  const url = `/admin/users/${ada.userId}/sessions`
  let refreshToken = ''
  const opened = await last(async () => {
    const answer = await app.inject({ method: 'POST', url, headers, payload: {} })
    refreshToken = answer.json().refresh_token
  })
  t.match(opened, { clientId: client.id, userId: ada.userId, sessionId: /./ })
  const { sessionId } = opened
  t.match(await last(() => refreshAsClient(app, client, refreshToken)), { clientId: client.id, sessionId })
  const wrong = () => postForm(app, '/oauth/token', { client_id: client.id, client_secret: 'x', grant_type: 'a' })
  t.match(await last(wrong), { clientId: client.id, code: 'invalid_client' })
  const other = await makeClient(app, 'sessions')
  const foreign = { clientId: other.id, code: 'invalid_grant', sessionId }
  t.match(await last(() => refreshAsClient(app, other, refreshToken)), foreign)
  const introspect = { authorization: client.basic }
  const asked = () => postForm(app, '/oauth/introspect', { token: ada.accessToken }, introspect)
  t.match(await last(asked), { clientId: client.id, userId: ada.userId, sessionId: ada.sessionId })
  const denied = await asClient(app, 'introspect')
  t.match(await last(() => app.inject({ url: '/admin/users', headers: denied })), { code: 'insufficient_scope' })
})

t.test('the routes of Simple JWT name whom they concern too', async t => {
  const { app, last } = await logged(t)
  const ada = await signUp(app)
  const credentials = { username: ada.email, password: PASSWORD }
  let tokens = { access: '', refresh: '' }
  const line = await last(async () => {
    tokens = (await post(app, '/api/token/', credentials)).json()
  })
  t.match(line, { userId: ada.userId, sessionId: /./, clientId: 'simple-jwt' })
  const { userId, sessionId } = line
  t.match(await last(() => post(app, '/api/token/verify/', { token: tokens.access })), { userId, sessionId })
  t.match(await last(() => post(app, '/api/token/blacklist/', { refresh: tokens.refresh })), { userId, sessionId })
  const again = { userId, sessionId, code: 'session_revoked' }
  t.match(await last(() => post(app, '/api/token/refresh/', { refresh: tokens.refresh })), again)
})
