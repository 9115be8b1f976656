import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { VerifierError } from '@latchkey/verifier'
import { authenticate, requireRecentAuth, requireRole } from '@latchkey/verifier/express'
import express5, { type ErrorRequestHandler, type Express } from 'express'
import express4 from 'express4'
import t, { type Test } from 'tap'
import { type Send, sendTo } from './frameworks.js'
import { openService, verifierThat } from './open-service.js'

const versions = { 'Express 5': express5, 'Express 4': express4 }

async function serve(t: Test, app: Express): Promise<Send> {
  const server = createServer(app)
  t.teardown(() => server.close())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return sendTo(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
}

for (const [name, express] of Object.entries(versions)) {
  t.test(`${name}: with errors: next, an error handler answers, and the headers are set`, async t => {
    const { verifier, user } = await openService(t)
    const app = express()
    app.use(authenticate(verifier, { errors: 'next' }))
    app.get('/editors', requireRole('editor'), (_request, response) => void response.end())
    const handler: ErrorRequestHandler = (error, _request, response, next) => {
      if (error instanceof VerifierError) response.status(error.status).json({ mine: error.code })
      else next(error)
    }
    app.use(handler)
    const send = await serve(t, app)
    const refused = await send('/', { authorization: 'Bearer a.b.c' })
    t.match(refused, { status: 401, body: { mine: 'token_invalid' } })
    t.equal(refused.headers['www-authenticate'], 'Bearer error="invalid_token"')
    t.equal(refused.headers['cache-control'], 'no-store')
    const forbidden = await send('/editors', { authorization: `Bearer ${user.accessToken}` })
    t.match(forbidden, { status: 403, body: { mine: 'insufficient_role' } })
  })

  t.test(
    `${name}: with errors: next and no error handler, Express answers with the status and the headers`,
    async t => {
      const { verifier } = await openService(t)
      const app = express()
      app.set('env', 'test')
      app.use(authenticate(verifier, { errors: 'next' }))
      const send = await serve(t, app)
      const { status, headers } = await send('/')
      t.equal(status, 401)
      t.equal(headers['www-authenticate'], 'Bearer')
    },
  )

  t.test(`${name}: requireRole without authenticate is a mistake, and refuses`, async t => {
    const { user } = await openService(t)
    for (const middleware of [requireRole('editor'), requireRecentAuth(300)]) {
      const app = express()
      app.set('env', 'test')
      const errors: Error[] = []
      app.get('/', middleware, (_request, response) => void response.end('never'))
      const remember: ErrorRequestHandler = (error, _request, _response, next) => {
        errors.push(error)
        next(error)
      }
      app.use(remember)
      const send = await serve(t, app)
      t.equal((await send('/', { authorization: `Bearer ${user.accessToken}` })).status, 500)
      t.match(errors[0]?.message, /needs authenticate\(verifier\) before it/)
    }
  })

  t.test(`${name}: what is no refusal goes to the error handler, and no request waits`, async t => {
    const { verifier, user } = await openService(t)
    const defect = new Error('a defect of the verifier')
    const broken = [
      verifierThat(verifier, { verify: () => Promise.reject(defect) }),
      verifierThat(verifier, {
        verifyKnown() {
          throw defect
        },
      }),
    ]
    for (const one of broken) {
      const app = express()
      app.use(authenticate(one))
      const answer: ErrorRequestHandler = (error, _request, response, _next) =>
        void response.status(500).json({ isDefect: error === defect })
      app.use(answer)
      const send = await serve(t, app)
      const { status, body } = await send('/', { authorization: `Bearer ${user.accessToken}` })
      t.match({ status, body }, { status: 500, body: { isDefect: true } })
    }
  })

  t.test(`${name}: routers within use the principal of a router above`, async t => {
    const { verifier, user, forger } = await openService(t)
    const app = express()
    const orders = express.Router()
    orders.use(requireRole('editor'))
    orders.get('/', (request, response) => void response.json(request.principal))
    app.use('/orders', authenticate(verifier), orders)
    app.get('/', (request, response) => void response.json({ principal: request.principal ?? null }))
    const send = await serve(t, app)
    const editor = { authorization: `Bearer ${forger.token({}, { roles: ['editor'] })}` }
    t.match(await send('/orders', editor), { status: 200, body: { userId: user.userId } })
    t.match(await send('/', editor), { status: 200, body: { principal: null } })
  })

  t.test(`${name}: an answer that was sent while the token was verified stays as it is`, async t => {
    const { verifier } = await openService(t)
    const app = express()
    let resume: (() => void) | undefined
    const slow = verifierThat(verifier, {
      verify: () =>
        new Promise((_resolve, reject) => {
          resume = () => reject(new VerifierError('token_invalid', 'late'))
        }),
    })
    app.use((_request, response, next) => {
      next()
      response.status(503).end('{"text":"timed out"}')
      resume?.()
    })
    app.use(authenticate(slow))
    const errors: unknown[] = []
    const remember: ErrorRequestHandler = (error, _request, _response, _next) => void errors.push(error)
    app.use(remember)
    const send = await serve(t, app)
    t.match(await send('/', { authorization: 'Bearer a.b.c' }), { status: 503, body: { text: 'timed out' } })
    t.match(await send('/', { authorization: 'Bearer a.b.c' }), { status: 503 }, 'the process goes on')
    t.same(errors, [])
  })
}

t.test('a guard names the mistake when a route is declared', t => {
  t.throws(() => requireRole(), TypeError)
  t.throws(() => (requireRole as (...roles: unknown[]) => unknown)(['editor']), TypeError)
  for (const seconds of [0, -1, 1.5, Number.NaN]) t.throws(() => requireRecentAuth(seconds), TypeError)
  t.end()
})
