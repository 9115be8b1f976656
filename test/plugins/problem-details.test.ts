import { DrizzleQueryError } from 'drizzle-orm'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { catalogue, type ErrorCode, LatchkeyError } from '../../src/lib/errors.js'
import { buildToyApp } from '../support/toy-app.js'

const CANARY = 'canary-4f1d'

/** A route that throws this. */
const throwing = (error: unknown) => (app: FastifyInstance) => {
  app.get('/throws', async () => {
    throw error
  })
}

t.test('every error of the catalogue is sent as problem details with its status', async t => {
  const { app } = await buildToyApp(t, {
    routes: app => {
      app.get('/:code', async request => {
        throw new LatchkeyError((request.params as { code: ErrorCode }).code)
      })
    },
  })
  for (const [code, { status, title }] of Object.entries(catalogue)) {
    const answer = await app.inject(`/${code}`)
    t.equal(answer.statusCode, status, code)
    t.match(answer.headers['content-type'], /^application\/problem\+json/)
    t.equal(answer.headers['cache-control'], 'no-store')
    const { request_id: requestId, ...problem } = answer.json()
    t.same(problem, { type: `urn:latchkey:error:${code}`, title, status, code })
    t.equal(requestId, answer.headers['x-request-id'], 'support finds the request by its id')
  }
})

t.test('an error response has its detail, its field errors and Retry-After', async t => {
  const errors = [{ field: 'password', message: 'is too short' }]
  const { app } = await buildToyApp(t, {
    routes: throwing(new LatchkeyError('busy', { detail: 'The queue is full.', retryAfterSeconds: 1.2, errors })),
  })
  const answer = await app.inject('/throws')
  t.equal(answer.headers['retry-after'], '2', 'whole seconds, rounded up')
  t.match(answer.json(), { detail: 'The queue is full.', errors })
})

t.test('every 401 has a challenge, with error="invalid_token" if a token was refused', async t => {
  for (const [code, challenge] of [
    ['token_expired', 'Bearer error="invalid_token"'],
    ['authentication_required', 'Bearer'],
    ['invalid_credentials', 'Bearer'],
  ] as const) {
    const { app } = await buildToyApp(t, { routes: throwing(new LatchkeyError(code)) })
    t.equal((await app.inject('/throws')).headers['www-authenticate'], challenge, code)
  }
  const { app } = await buildToyApp(t)
  t.equal((await app.inject('/nowhere')).headers['www-authenticate'], undefined)
})

t.test('an unexpected error shows the client only its request id', async t => {
  const { app, lines } = await buildToyApp(t, { routes: throwing(new Error(`secret ${CANARY}`)) })
  const answer = await app.inject('/throws')
  t.equal(answer.statusCode, 500)
  t.notMatch(answer.body, CANARY)
  t.notMatch(answer.body, 'stack')
  const logged = lines.map(line => JSON.parse(line)).find(line => line.msg === 'request failed')
  t.equal(logged.reqId, answer.json().request_id, 'the log has it under the same id')
  t.equal(logged.level, 50)
})

t.test('a thrown value that is not an Error is an internal error', async t => {
  for (const thrown of ['text', 42, null, { statusCode: 200 }]) {
    const { app } = await buildToyApp(t, { routes: throwing(thrown) })
    t.equal((await app.inject('/throws')).statusCode, 500)
  }
})

t.test('the parameters of a failed query are neither in the response nor in the log', async t => {
  const cause = Object.assign(new Error('relation "users" does not exist'), { code: '42P01', severity: 'ERROR' })
  const { app, lines } = await buildToyApp(t, {
    routes: throwing(new DrizzleQueryError('select $1', [CANARY], cause)),
  })
  const answer = await app.inject('/throws')
  t.equal(answer.statusCode, 500)
  t.notMatch(answer.body, CANARY)
  t.notMatch(lines.join(), CANARY)
  t.match(lines.join(), '42P01', 'the error code is still in the log')
  t.match(lines.join(), 'does not exist')
})

t.test('a value that Postgres quotes in its message is not logged', async t => {
  const error = Object.assign(new Error(`invalid input syntax for type uuid: "${CANARY}"`), {
    code: '22P02',
    severity: 'ERROR',
  })
  const { app, lines } = await buildToyApp(t, { routes: throwing(error) })
  t.equal((await app.inject('/throws')).statusCode, 500)
  t.notMatch(lines.join(), CANARY)
  t.match(lines.join(), '22P02')
})

t.test('an unreachable store is answered with 503 and Retry-After, not as an internal error', async t => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  const { app, lines } = await buildToyApp(t, { routes: throwing(new DrizzleQueryError('select 1', [], refused)) })
  const answer = await app.inject('/throws')
  t.equal(answer.statusCode, 503)
  t.equal(answer.json().code, 'store_unavailable')
  t.ok(Number(answer.headers['retry-after']) > 0)
  t.match(lines.join(), 'ECONNREFUSED')
})

t.test('every fast-jwt error for an invalid token is answered with 401', async t => {
  for (const [code, expected] of [
    ['FAST_JWT_INVALID_ALGORITHM', 'token_invalid'],
    ['FST_JWT_AUTHORIZATION_TOKEN_INVALID', 'token_invalid'],
    ['FAST_JWT_EXPIRED', 'token_expired'],
    ['FST_JWT_NO_AUTHORIZATION_IN_HEADER', 'authentication_required'],
  ]) {
    const { app } = await buildToyApp(t, { routes: throwing(Object.assign(new Error('no'), { code })) })
    t.match((await app.inject('/throws')).json(), { status: 401, code: expected })
  }
})

t.test('an unknown URL is answered with 404', async t => {
  const { app } = await buildToyApp(t)
  t.match((await app.inject('/nowhere')).json(), { status: 404, code: 'not_found' })
})

t.test('a known URL with an unsupported method is answered with 405 and the allowed methods', async t => {
  const { app } = await buildToyApp(t)
  const posted = await app.inject({ method: 'POST', url: '/thing/7?a=b' })
  t.match(posted.json(), { status: 405, code: 'method_not_allowed' })
  t.equal(posted.headers.allow, 'GET, HEAD')
  t.equal((await app.inject('/echo')).headers.allow, 'POST')
})

t.test('a malformed URL is answered with problem details', async t => {
  const { app } = await buildToyApp(t)
  t.match((await app.inject('/thing/%E0%A4%A')).json(), { status: 400, code: 'invalid_request' })
  t.match((await app.inject(`/thing/${'a'.repeat(200)}`)).json(), { status: 404, code: 'not_found' })
})

t.test('a validation error names the field but not its value', async t => {
  const { app, lines } = await buildToyApp(t)
  const refuse = async (payload: object) => {
    const answer = await app.inject({ method: 'POST', url: '/echo', payload })
    t.match(answer.json(), { status: 400, code: 'invalid_request' })
    t.notMatch(answer.body, CANARY)
    return answer.json().errors
  }
  t.same(await refuse({ email: 'a@b.c', rememberMe: CANARY }), [
    { field: 'rememberMe', message: 'is not a field of this request' },
  ])
  t.same(await refuse({ password: CANARY }), [{ field: 'email', message: 'is required' }])
  t.match(await refuse({ email: [CANARY] }), [{ field: 'email', message: 'must be text' }])
  t.match(await refuse({ email: CANARY.repeat(30) }), [{ field: 'email', message: /254/ }])
  t.match(await refuse({ email: 'a@b.c', remember: 'true' }), [{ field: 'remember', message: 'must be true or false' }])
  t.notMatch(lines.join(), CANARY, 'the value is not in the log either')
})
