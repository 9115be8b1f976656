import { request } from 'node:http'
import cors from '@fastify/cors'
import rateLimit from '@fastify/rate-limit'
import t from 'tap'
import { PASSWORD, post } from '../support/people.js'
import { buildApplication } from './application.js'

const ORIGIN = 'https://app.example.com'

t.test('every onRequest hook of the application runs before Latchkey, also one that is added later', async t => {
  const ran: string[] = []
  const { app } = await buildApplication(t, {
    before(app) {
      app.addHook('onRequest', async () => void ran.push('before'))
      app.addHook('onRoute', route => {
        route.onRequest = [route.onRequest ?? [], async () => void ran.push('of the route')].flat()
      })
      app.addHook('onResponse', async (_request, reply) => void ran.push(`answered ${reply.statusCode}`))
    },
  })
  app.addHook('onRequest', async (request, reply) => {
    ran.push('after')
    if (request.headers['x-blocked'] === 'yes') return reply.code(451).send('blocked')
    return undefined
  })
  t.equal((await post(app, '/auth/register', {})).statusCode, 400)
  t.strictSame(ran, ['before', 'after', 'of the route', 'answered 400'])
  t.equal((await post(app, '/auth/register', {}, { 'x-blocked': 'yes' })).statusCode, 451)
})

t.test('@fastify/rate-limit counts the requests to Latchkey, and its headers are sent', async t => {
  const { app } = await buildApplication(t, {
    async before(app) {
      await app.register(rateLimit, { max: 2, timeWindow: 60_000 })
    },
  })
  const first = await app.inject('/auth/profile')
  t.equal(first.statusCode, 401)
  t.equal(first.headers['x-ratelimit-remaining'], '1')
  t.equal((await post(app, '/auth/login', {})).statusCode, 400)
  t.equal((await app.inject('/auth/profile')).statusCode, 429)
  t.equal((await post(app, '/auth/login', {})).statusCode, 429)
})

t.test('headers that a hook has set are kept, unless Latchkey sets them', async t => {
  const { app } = await buildApplication(t, {
    before(app) {
      app.addHook('onRequest', async (_request, reply) => {
        reply.headers({ 'x-served-by': 'app-3', 'cache-control': 'public', 'referrer-policy': 'unsafe-url' })
      })
    },
  })
  const { headers } = await post(app, '/auth/login', { email: 'ada@example.com', password: PASSWORD })
  t.match(headers, { 'x-served-by': 'app-3', 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })
})

t.test('CORS_ORIGINS alone decides which pages read the answers of Latchkey', async t => {
  const settings = { CORS_ORIGINS: ORIGIN, PUBLIC_ORIGIN: 'https://id.example.com' }
  const { app } = await buildApplication(t, { settings })
  await app.register(cors, { origin: true, credentials: true })
  const preflight = (url: string, origin: string) =>
    app.inject({ method: 'OPTIONS', url, headers: { origin, 'access-control-request-method': 'DELETE' } })
  const allowed = await preflight('/auth/sessions', ORIGIN)
  t.match(allowed.headers, {
    'access-control-allow-origin': ORIGIN,
    'access-control-allow-methods': /DELETE/,
    'access-control-allow-credentials': 'true',
  })
  t.equal((await preflight('/auth/sessions', 'https://evil.example')).headers['access-control-allow-origin'], undefined)
  t.equal(
    (await preflight('/private', 'https://evil.example')).headers['access-control-allow-origin'],
    'https://evil.example',
    'the own routes have the CORS of the application',
  )
  const answer = (origin: string) => post(app, '/auth/login', {}, { origin })
  t.match(await answer(ORIGIN), { statusCode: 400, headers: { 'access-control-allow-origin': ORIGIN } })
  const refused = await answer('https://evil.example')
  t.equal(refused.statusCode, 403)
  t.equal(refused.headers['access-control-allow-origin'], undefined)
})

t.test('a hook that takes its time loses nothing of a body that arrives meanwhile', async t => {
  const { app } = await buildApplication(t, {
    before: app => void app.addHook('onRequest', () => new Promise(resolve => setTimeout(resolve, 50))),
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const body = JSON.stringify({ email: 'ada@example.com', password: PASSWORD })
  const status = await new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': String(body.length) }
    const sent = request(`${app.listeningOrigin}/auth/register`, { method: 'POST', headers }, answer => {
      answer.resume()
      resolve(answer.statusCode)
    })
    sent.on('error', reject)
    sent.write(body.slice(0, 10))
    setTimeout(() => sent.end(body.slice(10)), 100)
  })
  t.equal(status, 201)
})
