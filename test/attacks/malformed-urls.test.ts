import t from 'tap'
import { newId } from '../../src/lib/ids.js'
import { buildTestApp } from '../support/build-test-app.js'
import { get, signUp } from '../support/people.js'
import { changingRoutes, isRefusal } from './every-route.js'

t.test('a session id that is not a plain UUID is refused, in any spelling', async t => {
  const { app, database } = await buildTestApp(t)
  const ada = await signUp(app)
  const headers = { authorization: `Bearer ${ada.accessToken}` }
  const id = ada.sessionId
  for (const spelling of [
    'x',
    '0',
    'null',
    `urn:uuid:${id}`,
    `{${id}}`,
    id.replaceAll('-', ''),
    id.slice(1),
    `${id}0`,
    `${id}%20`,
    `${id}%00`,
    `${id}%0a`,
    `${id},${newId()}`,
    `'${id}'`,
    '%27%20or%201=1--',
    '..%2fothers',
    '%2e%2e',
    '%zz',
    '%E0%A4%A',
    '%c0%af',
    '%00',
    '__proto__',
    'a'.repeat(128),
    'a'.repeat(129),
    'a'.repeat(12_000),
    '%41'.repeat(4_000),
  ]) {
    const url = `/auth/sessions/${spelling}`
    isRefusal(t, await app.inject({ method: 'DELETE', url, headers }), `DELETE ${url.slice(0, 60)}`)
    const patch = await app.inject({ method: 'PATCH', url, headers, payload: { label: 'stolen' } })
    isRefusal(t, patch, `PATCH ${url.slice(0, 60)}`)
  }
  t.equal((await get(app, '/auth/verify', ada.accessToken)).statusCode, 200, 'the session is still valid')
  t.same(await database.admin`select label from sessions where id = ${id}`, [{ label: null }])
})

t.test('no other spelling of a URL leads to a route', async t => {
  const { app } = await buildTestApp(t)
  await app.ready()
  for (const { method, url } of changingRoutes(app)) {
    for (const spelling of [
      `${url}/`,
      `/${url}`,
      `${url}%00`,
      `${url};a=b`,
      url.toUpperCase(),
      url.replace('/auth', '/auth/.'),
      url.replace('/auth', '/x/../auth'),
      url.replace('/auth/', '/auth%2f'),
      url.replace('/auth/', '/auth//'),
      url.replace('/auth/', '/auth\\'),
      `${url}/%zz`,
      `${url}${'/a'.repeat(5000)}`,
    ])
      isRefusal(t, await app.inject({ method, url: spelling, payload: {} }), `${method} ${spelling.slice(0, 60)}`)
  }
})

t.test('GET /auth/verify answers a gateway only 200, 401, 403 or 503, whatever the query and headers', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const authorization = `Bearer ${ada.accessToken}`
  const statusOf = async (query: string, headers: Record<string, string> = {}) =>
    (await app.inject({ url: `/auth/verify${query}`, headers: { authorization, ...headers } })).statusCode
  for (const query of ['', '?']) t.equal(await statusOf(query), 200, query)
  for (const query of [
    '??',
    '?%',
    '?other=1',
    '?__proto__=1',
    '?__proto__[role]=1',
    '?constructor=1',
    '?&&&==',
    '?%FF',
    '?role',
    '?role=',
    '?role=a&role=b',
    '?role=%zz',
    '?role=%00',
    '?role=%FF',
    '?role=[object%20Object]',
    `?${'role=a&'.repeat(1000)}`,
    `?role=${'a'.repeat(10_000)}`,
    '?role=toString',
    '?role=__proto__',
    '?role=a#b',
  ])
    t.equal(await statusOf(query), 403, query.slice(0, 40))
  for (const headers of [{ 'content-length': '1000000' }, { authorization: 'x'.repeat(8000) }]) {
    const response = await app.inject({ url: '/auth/verify', headers: { authorization, ...headers } })
    t.match(response, { statusCode: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } })
    t.match(response.json(), { code: 'token_invalid' }, Object.keys(headers).join())
  }
})
