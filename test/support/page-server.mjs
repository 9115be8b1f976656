/**
 * Renders pages as Next does: first the proxy, which can set cookies, then twenty components at once, which cannot and
 * share nothing. `/parts` has no proxy. It counts the requests to Latchkey.
 */
import { createServer } from 'node:http'

let asked = 0
const { fetch } = globalThis
globalThis.fetch = (input, init) => {
  if (String(input).endsWith('/auth/refresh')) asked++
  return fetch(input, init)
}
const { renewCookies, sessionOf } = await import('./latchkey.js')

async function component(headers) {
  try {
    const { accessToken, principal, refusal } = await sessionOf(headers)
    return accessToken === undefined ? { refusal } : { user: principal.userId, accessToken }
  } catch (error) {
    return { error: error.code ?? String(error) }
  }
}

const server = createServer(async (request, response) => {
  const headers = new Headers(Object.entries(request.headers))
  const renewed = request.url === '/parts' ? undefined : await renewCookies(headers)
  if (renewed) {
    headers.set('cookie', renewed.cookie)
    response.setHeader('set-cookie', renewed.setCookies)
  }
  const parts = await Promise.all(Array.from({ length: 20 }, () => component(headers)))
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ parts, asked }))
})
server.listen(Number(process.env.PORT), '127.0.0.1', () =>
  console.log(`ready at http://127.0.0.1:${server.address().port}`),
)
