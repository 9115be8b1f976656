import latchkey, {
  authenticate,
  authenticateOptional,
  requireRecentAuth,
  requireRole,
} from '@latchkey/verifier/fastify'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { startToyIssuer } from '../verifier/toy-issuer.js'
import { startVerifier } from '../verifier/verifiers.js'

// A service with Fastify declares a route before the plugin is loaded, or where there is no plugin. Fastify serves a route
// whose hook is undefined to everybody.

/** Declares the same routes in any context; tells which of them a request has reached. */
function declareRoutes(app: FastifyInstance, reached: string[]): void {
  const handler = async ({ url }: { url: string }) => reached.push(url)
  app.get('/authenticate', { onRequest: authenticate }, handler)
  app.get('/optional', { onRequest: authenticateOptional }, handler)
  app.get('/role', { preHandler: requireRole('editor') }, handler)
  app.get('/recent', { onRequest: [requireRecentAuth(300)] }, handler)
  app.register(async scope => {
    scope.addHook('onRequest', authenticate)
    scope.get('/scope', handler)
  })
}

async function start(t: Test) {
  const toy = await startToyIssuer(t)
  const verifier = startVerifier(t, { issuer: toy.url })
  await verifier.ready()
  const app = Fastify()
  t.teardown(() => app.close())
  const reached: string[] = []
  const get = (url: string, token?: string) =>
    app.inject({ url, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })
  return { toy, verifier, app, reached, get }
}

t.test('a route that is declared before the plugin is loaded is guarded', async t => {
  const { toy, verifier, app, reached, get } = await start(t)
  declareRoutes(app, reached)
  app.register(latchkey, { verifier })
  for (const url of ['/authenticate', '/role', '/recent', '/scope']) {
    t.equal((await get(url)).statusCode, 401, url)
    t.equal((await get(url, `${toy.token()}A`)).statusCode, 401, url)
  }
  t.equal((await get('/role', toy.token({ roles: ['reader'] }))).statusCode, 403)
  t.same(reached, [])
  const token = toy.token({ roles: ['editor'], auth_time: Math.floor(Date.now() / 1000) })
  const all = ['/authenticate', '/optional', '/role', '/recent', '/scope']
  for (const url of all) t.equal((await get(url, token)).statusCode, 200, url)
  t.same(reached, all)
})

t.test('a route without the plugin in its context admits nobody, and the error says so', async t => {
  const { toy, verifier, app, reached, get } = await start(t)
  declareRoutes(app, reached)
  app.register(async other => void (await other.register(latchkey, { verifier })))
  for (const url of ['/authenticate', '/optional', '/role', '/recent', '/scope']) {
    const answer = await get(url, toy.token({ roles: ['editor'] }))
    t.match(answer.json(), { statusCode: 500, message: /is not registered in the context of this route/ }, url)
  }
  t.same(reached, [])
})
