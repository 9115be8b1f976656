import { createServer } from 'node:http'
import axios from 'axios'
import t, { type Test } from 'tap'
import { buildTestApp } from '../support/build-test-app.js'
import { listen } from '../support/raw-request.js'
import { ADA } from './client-page.js'

interface Tokens {
  access: string
  refresh: string
}
type AttachTokens = (
  api: ReturnType<typeof axios.create>,
  options: { baseUrl: string; tokens: Tokens; onSignedOut?: () => void },
) => void
const path = new URL('../../examples/simple-jwt-axios/attach-tokens.mjs', import.meta.url).href
const { attachTokens } = (await import(path)) as { attachTokens: AttachTokens }

t.test('the interceptor renews a refused token once for many requests, and repeats them', async t => {
  const { baseUrl, tokens, service, refreshes } = await open(t)
  const api = axios.create({ baseURL: service.url })
  attachTokens(api, { baseUrl, tokens })
  const first = tokens.access
  t.equal((await api.get('/')).status, 200)
  service.refused = first
  const answers = await Promise.all([1, 2, 3].map(n => api.post('/', { n })))
  t.strictSame(
    answers.map(({ data }) => data),
    ['{"n":1}', '{"n":2}', '{"n":3}'].map(text => JSON.parse(text)),
  )
  t.not(tokens.access, first)
  t.equal(refreshes(), 1)
  service.refused = 'all'
  t.match(await api.get('/').catch(error => error), { response: { status: 401 } })
  t.equal(refreshes(), 2, 'and no loop')
})

t.test('only the end of the session signs out', async t => {
  const { baseUrl, tokens, service, close } = await open(t)
  const api = axios.create({ baseURL: service.url })
  let ends = 0
  attachTokens(api, { baseUrl, tokens, onSignedOut: () => ends++ })
  service.refused = tokens.access
  await axios.post(`${baseUrl}/auth/logout`, { refresh_token: tokens.refresh })
  t.match(await api.get('/').catch(error => error), { response: { status: 401 } })
  t.equal(ends, 1)
  await close()
  await t.rejects(api.get('/'))
  t.equal(ends, 1, 'an outage does not')
})

/** The service with a signed-in user, and a service of an application that can refuse a token. */
async function open(t: Test) {
  const { app } = await buildTestApp(t)
  let refreshes = 0
  app.server.on('request', ({ url }) => {
    if (url === '/api/token/refresh/') refreshes++
  })
  const baseUrl = `http://127.0.0.1:${await listen(app)}`
  await axios.post(`${baseUrl}/auth/register`, ADA)
  const { data: tokens } = await axios.post<Tokens>(`${baseUrl}/api/token/`, {
    username: ADA.email,
    password: ADA.password,
  })
  const service = { url: '', refused: '' }
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray())
    response.setHeader('content-type', 'application/json')
    if (service.refused !== 'all' && request.headers.authorization !== `Bearer ${service.refused}`) response.end(body)
    else response.writeHead(401).end('{"detail":"Given token not valid for any token type","code":"token_not_valid"}')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  service.url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  return { baseUrl, tokens, service, refreshes: () => refreshes, close: () => app.close() }
}
