import type { FastifyInstance } from 'fastify'
import t from 'tap'
import {
  bodyOf,
  errorResponses,
  optionalBodyOf,
  type SessionView,
  sessionSchema,
  type TokenResponse,
  Type,
  tokenResponseSchema,
} from '../../src/http/schemas.js'
import { buildToyApp } from '../support/toy-app.js'

const ID = '0197a5a0-0000-7000-8000-000000000000'
const AT = '2026-01-02T03:04:05.678Z'

const session: SessionView = {
  id: ID,
  current: true,
  device: { browser: 'Firefox 140', os: null, kind: 'desktop' },
  label: null,
  ip: '198.51.100.7',
  location: null,
  auth_methods: ['pwd'],
  transport: 'cookie',
  remember: true,
  created_at: AT,
  last_active_at: null,
  expires_at: AT,
  idle_expires_at: AT,
  is_active: true,
}

const tokens: TokenResponse = {
  access_token: 'a.b.c',
  token_type: 'Bearer',
  expires_in: 900,
  session_id: ID,
  user: {
    ...{ id: ID, email: 'a@example.com', email_verified: false, username: null },
    ...{ claims: {}, roles: ['admin'], created_at: AT },
  },
}

t.test('responses contain exactly the fields that their schema names', async t => {
  const secret = { password_hash: 'canary', token_hash: 'canary' }
  const { app } = await buildToyApp(t, {
    routes: app => {
      app.get('/sessions', { schema: { response: { 200: Type.Array(sessionSchema) } } }, async () => [
        { ...session, ...secret },
        { ...session, device: null, location: { country: 'NL', city: null }, label: 'Work', last_active_at: AT },
      ])
      app.get('/tokens', { schema: { response: { 200: tokenResponseSchema } } }, async () => ({
        ...tokens,
        user: { ...tokens.user, ...secret },
      }))
    },
  })
  t.same((await app.inject('/sessions')).json(), [
    session,
    { ...session, device: null, location: { country: 'NL', city: null }, label: 'Work', last_active_at: AT },
  ])
  t.same((await app.inject('/tokens')).json(), tokens)
})

t.test('a body is required unless its schema says otherwise', async t => {
  const properties = { scope: Type.Optional(Type.String()) }
  const { app } = await buildToyApp(t, {
    routes: app => {
      app.post('/needs', { schema: { body: bodyOf(properties) } }, async () => ({}))
      app.post('/may', { schema: { body: optionalBodyOf(properties) } }, async request => ({
        body: request.body ?? null,
      }))
    },
  })
  const post = (url: string, payload?: object) => app.inject({ method: 'POST', url, ...(payload && { payload }) })
  t.match((await post('/needs')).json(), { status: 400, code: 'invalid_request' })
  t.equal((await post('/needs', {})).statusCode, 200)
  t.same((await post('/may')).json(), { body: null })
  t.same((await post('/may', { scope: 'all' })).json(), { body: { scope: 'all' } })
  t.equal((await post('/may', { scopes: 'all' })).statusCode, 400, 'the fields of an optional body are checked')
})

t.test('error codes with the same status share one OpenAPI response that names them all', async t => {
  const responses = errorResponses('token_expired', 'token_revoked', 'rate_limited')
  t.same(Object.keys(responses), ['401', '429'])
  t.match(responses[401].description, /`token_expired`.*\n\n`token_revoked`/)
})

t.test('an error response is not changed by the response schemas of its route', async t => {
  const { app } = await buildToyApp(t, {
    routes: (app: FastifyInstance) => {
      app.get('/fails', { schema: { response: { 500: Type.Object({ other: Type.String() }) } } }, async () => {
        throw new Error('no')
      })
    },
  })
  t.equal((await app.inject('/fails')).json().code, 'internal_error')
})
