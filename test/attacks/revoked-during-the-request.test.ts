import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { post, signIn, signUp, verify } from '../support/people.js'
import { requestInParts } from '../support/request-in-parts.js'

t.test('a session that is revoked while its request body is sent changes nothing', async t => {
  const { app } = await buildTestApp(t)
  const owner = await signUp(app)
  const requests = [
    { method: 'DELETE', path: '/auth/sessions/others', body: '{}' },
    { method: 'DELETE', path: `/auth/sessions/${owner.sessionId}`, body: '{}' },
    { method: 'PATCH', path: `/auth/sessions/${owner.sessionId}`, body: '{"label":"mine"}' },
    { method: 'DELETE', path: '/api/users/me/sessions', body: '{}', code: 'token_not_valid' },
  ]
  for (const { code = 'token_revoked', ...request } of requests) {
    const thief = await signIn(app, owner.email)
    const headers = { authorization: `Bearer ${thief.accessToken}`, 'content-type': 'application/json' }
    const answer = await requestInParts(app, { ...request, headers }, async () => {
      const bearer = { authorization: `Bearer ${owner.accessToken}` }
      const ended = await app.inject({ method: 'DELETE', url: `/auth/sessions/${thief.sessionId}`, headers: bearer })
      t.equal(ended.statusCode, 204)
    })
    t.match(answer, { status: 401, body: { code } }, `${request.method} ${request.path}`)
    t.equal(await verify(app, owner.accessToken), 200)
  }
})

t.test('a POST without a body to a route that reads one never causes a 5xx', async t => {
  const { app } = await buildTestApp(t, { RATE_LIMIT: 'on' })
  for (const url of ['/auth/login', '/auth/register', '/auth/refresh', '/auth/change-password', '/auth/reset-password'])
    t.ok((await app.inject({ method: 'POST', url })).statusCode < 500, url)
  for (const url of [
    '/api/token/',
    '/api/token/refresh/',
    '/api/token/verify/',
    '/api/token/blacklist/',
    '/oauth/token',
  ])
    t.ok((await app.inject({ method: 'POST', url })).statusCode < 500, url)
  t.ok((await post(app, '/auth/logout', {})).statusCode < 500)
})
