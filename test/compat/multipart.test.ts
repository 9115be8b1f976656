import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { BOUNDARY, multipart, multipartType, part } from '../support/multipart.js'
import { PASSWORD, signUp } from '../support/people.js'

t.test('multipart/form-data is parsed as Django REST framework parses it', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app, 'ada@example.com')
  const send = (url: string, payload: string | Buffer, type = multipartType()) =>
    app.inject({ method: 'POST', url, headers: { 'content-type': type }, payload })
  const obtain = (payload: string | Buffer, type?: string) => send('/api/token/', payload, type)
  const whole = (...parts: string[]) => `${parts.join('')}--${BOUNDARY}--\r\n`
  const own = { username: ada.email, password: PASSWORD }
  const password = part('password', PASSWORD)

  t.test('all four /api/token endpoints accept multipart/form-data, with and without a trailing slash', async t => {
    for (const slash of ['/', '']) {
      const tokens = (await obtain(multipart({ ...own, next: '/home' }))).json()
      const verified = await send(`/api/token/verify${slash}`, multipart({ token: tokens.access }))
      t.equal(verified.statusCode, 200)
      const refreshed = await send(`/api/token/refresh${slash}`, multipart({ refresh: tokens.refresh }))
      t.strictSame(Object.keys(refreshed.json()), ['access', 'refresh'])
      const ended = await send(`/api/token/blacklist${slash}`, multipart({ refresh: refreshed.json().refresh }))
      t.equal(ended.statusCode, 200)
      t.equal(ended.headers['set-cookie'], undefined)
    }
  })

  t.test('multipart/form-data is accepted in the variants that browsers, Python and other clients send', async t => {
    const data = new FormData()
    for (const [name, value] of Object.entries(own)) data.append(name, value)
    const spoken = new Response(data)
    t.equal(
      (await obtain(Buffer.from(await spoken.arrayBuffer()), spoken.headers.get('content-type')!)).statusCode,
      200,
      'FormData',
    )
    const encoded = Buffer.from(ada.email).toString('base64')
    const forms: Record<string, [payload: string, type?: string]> = {
      'a quoted boundary': [multipart(own), multipartType(`"${BOUNDARY}"`)],
      'a charset in front of the boundary': [
        multipart(own),
        `multipart/form-data; charset=utf-8; boundary=${BOUNDARY}`,
      ],
      'other letter case in the type': [multipart(own), `Multipart/Form-Data; Boundary=${BOUNDARY}`],
      'a content type in each part': [whole(part('username', ada.email, 'Content-Type: text/plain'), password)],
      'a part in base64': [whole(part('username', encoded, 'Content-Transfer-Encoding: base64'), password)],
      'text before the form and after it': [`preamble\r\n${multipart(own)}epilogue`],
      'space around a name': [whole(part(' username ', ada.email), password)],
      'a file in an unknown field': [whole(part('x"; filename="x.txt', 'x'), part('username', ada.email), password)],
      'a part without a name': [
        multipart(own).replace('--', `--${BOUNDARY}\r\nContent-Disposition: form-data\r\n\r\nx\r\n--`),
      ],
    }
    for (const [name, [payload, type]] of Object.entries(forms))
      t.equal((await obtain(payload, type)).statusCode, 200, name)
  })

  t.test('the last of two fields with the same name is used, and a file in place of a text is refused', async t => {
    t.equal((await obtain(whole(part('username', 'x'), part('username', ada.email), password))).statusCode, 200)
    const file = part('username"; filename="a.txt', ada.email)
    for (const parts of [[file], [file, part('username', ada.email)], [part('username', ada.email), file]]) {
      const answer = await obtain(whole(...parts, password))
      t.equal(answer.statusCode, 400)
      t.strictSame(answer.json(), { username: ['Not a valid string.'] })
    }
  })

  t.test('an invalid form is refused with the texts of Django REST framework', async t => {
    const required = ['This field is required.']
    const blank = ['This field may not be blank.']
    const unclosed = { detail: 'Multipart form parse error - The closing boundary is missing' }
    const cases: [payload: string | Buffer, body: object][] = [
      [multipart({}), { username: required, password: required }],
      [multipart({ username: '', password: ' ' }), { username: blank, password: blank }],
      // An empty file input.
      [whole(part('username"; filename="', ''), password), { username: blank }],
      [multipart({ username: 'a\0', password: 'b' }), { username: ['Null characters are not allowed.'] }],
      [multipart({ username: '\xe9', password: 'b' }, 'latin1'), { username: ['Not a valid string.'] }],
      [
        whole(part('username', '/w==', 'Content-Transfer-Encoding: base64'), password),
        { username: ['Not a valid string.'] },
      ],
      [multipart(own).slice(0, -25), unclosed],
      [multipart(own).replaceAll(BOUNDARY, 'other'), unclosed],
    ]
    for (const [payload, body] of cases) {
      const answer = await obtain(payload)
      t.equal(answer.statusCode, 400)
      t.strictSame(answer.json(), body)
    }
    const tooLong = await obtain(multipart(own), multipartType('z'.repeat(300)))
    t.equal(tooLong.statusCode, 400)
    t.same(tooLong.json(), { detail: 'Multipart form parse error - Invalid boundary in multipart: too long' })
    t.equal((await obtain(multipart({ ...own, password: 'wrong' }))).statusCode, 401)
    const nothing = await app.inject({
      method: 'POST',
      url: '/api/token/',
      headers: { 'content-type': multipartType() },
    })
    t.strictSame(nothing.json(), { username: required, password: required })
  })
})

t.test('routes under /auth refuse multipart/form-data', async t => {
  const { app } = await buildTestApp(t)
  const ada = await signUp(app)
  const payload = multipart({ email: ada.email, password: PASSWORD })
  for (const url of ['/auth/login', '/auth/refresh', '/auth/verify']) {
    const answer = await app.inject({ method: 'POST', url, headers: { 'content-type': multipartType() }, payload })
    t.match(answer.json(), { status: 415, code: 'unsupported_media_type' }, url)
  }
})
