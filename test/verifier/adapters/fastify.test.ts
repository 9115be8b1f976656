import { VerifierError } from '@latchkey/verifier'
import latchkey, {
  authenticate,
  createGuards,
  type Guards,
  requireRecentAuth,
  requireRole,
} from '@latchkey/verifier/fastify'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { openService } from './open-service.js'

t.test('the plugin decorates the context that registers it and those within, and no other', async t => {
  const { verifier, user } = await openService(t)
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(async orders => {
    await orders.register(latchkey, { verifier })
    await orders.register(async within => {
      within.addHook('onRequest', authenticate)
      within.get('/orders/mine', async ({ principal }) => principal.userId)
    })
    orders.get('/orders', async ({ principal }) => ({ principal }))
  })
  app.get('/', async request => ({ hasPrincipal: 'principal' in request }))
  await app.ready()
  t.notOk(app.hasRequestDecorator('principal'))

  const get = (url: string, token?: string) =>
    app.inject({ url, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })
  t.equal((await get('/orders/mine', user.accessToken)).body, user.userId)
  t.equal((await get('/orders/mine')).statusCode, 401)
  t.same(
    (await get('/orders', user.accessToken)).json(),
    { principal: null },
    'a route without a hook has no principal',
  )
  t.same((await get('/')).json(), { hasPrincipal: false })
})

t.test('two contexts can have different verifiers', async t => {
  const [first, second] = [await openService(t), await openService(t, { JWT_ISSUER: 'https://second.example' })]
  const app = Fastify()
  t.teardown(() => app.close())
  for (const [prefix, { verifier }] of [['/first', first] as const, ['/second', second] as const])
    await app.register(
      async scope => {
        await scope.register(latchkey, { verifier })
        scope.get('/', { onRequest: authenticate }, async ({ principal }) => principal.userId)
      },
      { prefix },
    )
  const get = (url: string, token: string) => app.inject({ url, headers: { authorization: `Bearer ${token}` } })
  t.equal((await get('/first', first.user.accessToken)).body, first.user.userId)
  t.equal((await get('/second', second.user.accessToken)).body, second.user.userId)
  t.equal((await get('/first', second.user.accessToken)).statusCode, 401)
})

t.test('an application can have an authenticate of its own, and use the hooks without the plugin', async t => {
  const { verifier, user } = await openService(t)
  const headers = { authorization: `Bearer ${user.accessToken}` }
  const app = Fastify()
  t.teardown(() => app.close())
  app.decorate('authenticate', 'its own' as never)
  app.register(latchkey, { verifier })
  app.get('/', { onRequest: authenticate }, async ({ principal }) => principal.userId)
  t.equal((await app.inject({ url: '/', headers })).body, user.userId)

  const other = Fastify()
  t.teardown(() => other.close())
  const guards = createGuards(verifier)
  other.decorateRequest('principal', null as never)
  other.get('/', { preHandler: guards.authenticate }, async ({ principal }) => principal.userId)
  t.equal((await other.inject({ url: '/', headers })).body, user.userId)
})

t.test('with errors: throw, the error handler of the application answers, and the headers are set', async t => {
  const { verifier, user } = await openService(t)
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(latchkey, { verifier, errors: 'throw' })
  app.get('/', { onRequest: requireRole('editor') }, async () => 'never')
  app.register(async scope => {
    scope.setErrorHandler((error, _request, reply) =>
      error instanceof VerifierError ? reply.code(error.status).send({ mine: error.code }) : reply.send(error),
    )
    scope.get('/mine', { onRequest: authenticate }, async () => 'never')
  })
  const plain = await app.inject('/')
  t.match(plain.json(), { statusCode: 401, code: 'authentication_required' }, 'the handler of Fastify knows the status')
  t.equal(plain.headers['www-authenticate'], 'Bearer')
  t.equal(plain.headers['cache-control'], 'no-store')
  const mine = await app.inject({ url: '/mine', headers: { authorization: 'Bearer a.b.c' } })
  t.same(mine.json(), { mine: 'token_invalid' })
  t.equal(mine.headers['www-authenticate'], 'Bearer error="invalid_token"')
  const forbidden = await app.inject({ url: '/', headers: { authorization: `Bearer ${user.accessToken}` } })
  t.match(forbidden.json(), { statusCode: 403, code: 'insufficient_role' })
})

t.test('a refused request runs no later hook and no handler, and onSend hooks see its answer', async t => {
  const { verifier } = await openService(t)
  const app = Fastify()
  t.teardown(() => app.close())
  const ran: string[] = []
  await app.register(latchkey, { verifier })
  app.addHook('onSend', async (_request, reply) => {
    reply.header('x-seen', 'true')
  })
  app.addHook('preHandler', async () => {
    ran.push('preHandler')
  })
  app.get('/', { onRequest: authenticate }, async () => ran.push('handler'))
  const answer = await app.inject('/')
  t.equal(answer.statusCode, 401)
  t.equal(answer.headers['x-seen'], 'true')
  t.match(answer.json().request_id, /^req-/)
  t.same(ran, [])
})

t.test('a guard names the mistake when a route is declared', async t => {
  const { verifier } = await openService(t)
  checkMistakes(t, createGuards(verifier))
  checkMistakes(t, { requireRole, requireRecentAuth })
})

function checkMistakes(t: Test, { requireRole, requireRecentAuth }: Pick<Guards, 'requireRole' | 'requireRecentAuth'>) {
  t.throws(() => (requireRole as (...roles: unknown[]) => unknown)(), TypeError)
  t.throws(() => (requireRole as (...roles: unknown[]) => unknown)(['editor']), TypeError)
  t.throws(() => requireRole(''), TypeError)
  for (const seconds of [0, -1, 1.5, Number.NaN, '300']) t.throws(() => requireRecentAuth(seconds as number), TypeError)
}

t.test('a token that was revoked while the body arrived is refused by a second guard', async t => {
  const { verifier, user } = await openService(t)
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(latchkey, { verifier })
  app.post('/', { onRequest: authenticate, preHandler: [closeVerifier, authenticate] }, async () => 'never')
  async function closeVerifier() {
    await verifier.close()
  }
  const headers = { authorization: `Bearer ${user.accessToken}` }
  t.equal((await app.inject({ method: 'POST', url: '/', headers, payload: {} })).statusCode, 503)
})
