import fastify from 'fastify'
import t, { type Test } from 'tap'
import { problemDetails } from '../../src/http/plugins/problem-details.js'
import { type HealthOptions, healthRoutes } from '../../src/http/routes/health.js'

async function buildApp(t: Test, ready: HealthOptions['ready']) {
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(problemDetails, { log: app.log })
  await app.register(healthRoutes, { ready })
  return app
}

t.test('/livez answers without a readiness check', async t => {
  const app = await buildApp(t, () => {
    throw new Error('it asked')
  })
  const answer = await app.inject('/livez')
  t.equal(answer.statusCode, 200)
  t.same(answer.json(), { status: 'ok' })
})

t.test('/readyz is 200 while verification is safe, and names degraded parts', async t => {
  const ok = await buildApp(t, () => ({ ready: true, degraded: [] }))
  t.same((await ok.inject('/readyz')).json(), { status: 'ok', degraded: [] })
  const degraded = await buildApp(t, async () => ({ ready: true, degraded: ['redis'] }))
  const answer = await degraded.inject('/readyz')
  t.equal(answer.statusCode, 200)
  t.same(answer.json(), { status: 'degraded', degraded: ['redis'] })
  t.equal(answer.headers['cache-control'], 'no-store')
})

t.test('/readyz is 503 with a reason before the first load, when stale and when draining', async t => {
  for (const reason of ['starting', 'stale', 'draining'] as const) {
    const app = await buildApp(t, () => ({ ready: false, reason }))
    const answer = await app.inject('/readyz')
    t.equal(answer.statusCode, 503)
    t.same(answer.json(), { status: 'unavailable', reason })
  }
})

t.test('/readyz is 503 if the readiness check fails', async t => {
  const app = await buildApp(t, () => Promise.reject(Object.assign(new Error('down'), { code: 'ECONNREFUSED' })))
  t.equal((await app.inject('/readyz')).statusCode, 503)
})
