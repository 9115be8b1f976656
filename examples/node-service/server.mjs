/**
 * A service with orders, whose users sign in at Latchkey.
 *
 *     LATCHKEY=http://localhost:3000 PORT=3005 node server.mjs
 */
import { createServer } from 'node:http'
import { createTokenChecks, Refusal } from './verify.mjs'

const { LATCHKEY = 'http://localhost:3000', PORT = '3005' } = process.env
const { checkLocally, checkNow } = createTokenChecks({ issuer: LATCHKEY })

const routes = {
  // Reading accepts a token until it expires.
  'GET /orders': async token => {
    const { sub } = await checkLocally(token)
    return { owner: sub, orders: [] }
  },
  // A payment must not be possible with a token that was revoked a moment ago.
  'POST /payments': async token => {
    const { sub } = await checkNow(token)
    return { payer: sub }
  },
  'GET /reports': async token => {
    const { roles } = await checkLocally(token)
    if (!roles.includes('accountant')) throw new Refusal(403, 'insufficient_role')
    return { reports: [] }
  },
}

const server = createServer(async (request, response) => {
  const answer = (status, body, headers = {}) => {
    response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers })
    response.end(`${JSON.stringify(body)}\n`)
  }
  const route = routes[`${request.method} ${request.url.split('?')[0]}`]
  if (route === undefined) return answer(404, { code: 'not_found' })
  const [, token] = /^Bearer ([\w.~+/-]+=*)$/i.exec(request.headers.authorization ?? '') ?? []
  if (token === undefined) return answer(401, { code: 'authentication_required' }, { 'www-authenticate': 'Bearer' })
  try {
    answer(200, await route(token))
  } catch (error) {
    if (!(error instanceof Refusal)) {
      console.error(error)
      return answer(500, { code: 'internal_error' })
    }
    const challenge = error.status === 401 ? { 'www-authenticate': 'Bearer error="invalid_token"' } : {}
    answer(error.status, { code: error.code }, challenge)
  }
})

server.listen(Number(PORT), '127.0.0.1', () =>
  console.log(`orders listens at http://localhost:${server.address().port}`),
)
process.once('SIGTERM', () => server.close())
