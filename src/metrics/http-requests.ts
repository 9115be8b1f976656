import type { FastifyInstance } from 'fastify'
import { Counter, Histogram } from 'prom-client'
import { factsOf } from '../http/request-facts.js'
import { methodOf, routeOf } from '../http/request-pattern.js'
import type { MetricsOptions } from './sources.js'

/** From a cached verification to a sign-in that waits in the queue for hashes. */
const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
/** Its answer ends when the follower goes, so its duration says nothing. */
const FEED = '/auth/revocations'

export function measureHttpRequests(app: FastifyInstance, { registry }: MetricsOptions): void {
  const durations = new Histogram({
    name: 'latchkey_http_request_duration_seconds',
    help: 'The time until the answer was sent. The feed of revocations, whose answers have no end, is left out.',
    labelNames: ['route', 'method', 'status'],
    buckets: BUCKETS_SECONDS,
    registers: [registry],
  })
  const refusals = new Counter({
    name: 'latchkey_http_refusals_total',
    help: 'Requests that were answered with an error, by its code (docs/errors.md). /auth/verify is left out.',
    labelNames: ['code'],
    registers: [registry],
  })
  app.addHook('onResponse', (request, reply, done) => {
    const { code } = factsOf(request)
    if (code !== undefined) refusals.inc({ code })
    const route = routeOf(request)
    const labels = { route, method: methodOf(request), status: `${Math.floor(reply.statusCode / 100)}xx` }
    if (route !== FEED || reply.statusCode >= 400) durations.observe(labels, reply.elapsedTime / 1000)
    done()
  })
}
