import t from 'tap'
import { listen, parseAnswer, rawRequest } from '../support/raw-request.js'
import { buildToyApp } from '../support/toy-app.js'

/** Has a field that /echo does not know, and lacks the required one: validation must refuse it. */
const BAD_BODY = '{"admin":true}'

const post = (contentType: string | undefined, body: string) =>
  [
    'POST /echo HTTP/1.1',
    'Host: localhost',
    ...(contentType === undefined ? [] : [`Content-Type:${contentType}`]),
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n')

t.test('no spelling of the content type bypasses validation', async t => {
  const { app } = await buildToyApp(t)
  const port = await listen(app)
  const spellings = [
    'application/json',
    ' Application/JSON',
    '\tapplication/json\t',
    '   application/json ;charset=utf-8',
    ' application/json\t;charset=utf-8',
    ' application/json;',
    ' application/json; charset="utf-8',
    ' application/json garbage',
    ' application/json, text/plain',
    ' application/jsonx',
    ' application/json/json',
    ' application/vnd.api+json',
    ' application/json\xa0',
    ' \xa0application/json',
    ' text/plain',
    ' text/plain; application/json',
    ' application/x-www-form-urlencoded',
    ' */*',
    ' application',
    ' undefined',
    ' ',
    undefined,
  ]
  for (const spelling of spellings) {
    const { status, body } = parseAnswer(await rawRequest(port, post(spelling, BAD_BODY)))
    t.ok(
      (status === 400 && body.code === 'invalid_request') || status === 415,
      `${JSON.stringify(spelling)}: ${status}`,
    )
  }
  t.equal(parseAnswer(await rawRequest(port, post(' application/json', '{"email":"a"}'))).status, 200)
})

t.test('a missing or malformed body is refused', async t => {
  const { app } = await buildToyApp(t)
  const post = async (payload: string | undefined, contentType?: string) =>
    (
      await app.inject({
        method: 'POST',
        url: '/echo',
        headers: contentType === undefined ? {} : { 'content-type': contentType },
        ...(payload !== undefined && { payload }),
      })
    ).json()
  t.match(await post(undefined), { status: 400, code: 'invalid_request' })
  t.match(await post('', 'application/json'), { status: 400, code: 'invalid_request' })
  t.match(await post('{"email":', 'application/json'), { status: 400, code: 'invalid_json' })
  t.match(await post('null', 'application/json'), { status: 400, code: 'invalid_request' })
  t.match(await post('["a"]', 'application/json'), { status: 400, code: 'invalid_request' })
  t.match(await post('"a"', 'application/json'), { status: 400, code: 'invalid_request' })
})

t.test('a body cannot change an object prototype', async t => {
  const { app } = await buildToyApp(t)
  for (const payload of [
    '{"email":"a","__proto__":{"admin":true}}',
    '{"email":"a","\\u005f_proto__":{"admin":true}}',
    '{"email":"a","constructor":{"prototype":{"admin":true}}}',
    '{"email":"a","constructor":1}',
    '{"email":"a","toString":1}',
    '{"__proto__":{"email":"a"}}',
  ]) {
    const answer = await app.inject({
      method: 'POST',
      url: '/echo',
      headers: { 'content-type': 'application/json' },
      payload,
    })
    t.equal(answer.statusCode, 400, payload)
  }
  t.notOk('admin' in {})
})

t.test('a body cannot change an object prototype on a route without a schema', async t => {
  const { app } = await buildToyApp(t, {
    routes: app => {
      app.post('/free', async request => request.body)
    },
  })
  for (const payload of ['{"__proto__":{"admin":true}}', '{"constructor":{"prototype":{"admin":true}}}']) {
    const headers = { 'content-type': 'application/json' }
    const answer = await app.inject({ method: 'POST', url: '/free', headers, payload })
    t.match(answer.json(), { status: 400, code: 'invalid_json' }, payload)
  }
})
