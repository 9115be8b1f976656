import t from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { signIn, signUp } from '../support/people.js'
import { listen, parseAnswer, rawRequest } from '../support/raw-request.js'

/** What client libraries send for a POST without a body. */
const types: Record<string, string[]> = {
  'axios.post(url)': ['Content-Type: application/x-www-form-urlencoded', 'Content-Length: 0'],
  'fetch with a content type on every request': ['Content-Type: application/json', 'Content-Length: 0'],
  'XMLHttpRequest.send("")': ['Content-Type: text/plain;charset=UTF-8', 'Content-Length: 0'],
  'a proxy that drops the length': ['Content-Type: application/json'],
  'a client that sends in chunks': ['Content-Type: application/json', 'Transfer-Encoding: chunked'],
}

t.test('an empty body counts as no body, with any Content-Type', async t => {
  const { app } = await buildTestApp(t)
  const port = await listen(app)
  const ada = await signUp(app)
  for (const [client, headers] of Object.entries(types)) {
    const { refreshToken, accessToken } = await signIn(app, ada.email)
    const post = async (url: string, ...more: string[]) => {
      const body = headers.join().includes('chunked') ? '0\r\n\r\n' : ''
      const head = [`POST ${url} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...headers, ...more, '', body]
      return parseAnswer(await rawRequest(port, head.join('\r\n'))).status
    }
    t.equal(await post('/auth/refresh', `Cookie: __Host-latchkey=${refreshToken}`), 200, client)
    t.equal(await post('/auth/logout', `Authorization: Bearer ${accessToken}`), 204, client)
    t.equal(await post('/auth/login'), 400, 'a required body is reported as missing, not as a wrong type')
  }
})
