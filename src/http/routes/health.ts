import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import { Type } from '../schemas.js'

/** Whether this instance can take requests. If it can, `degraded` names its problems (docs/revocation.md). */
export type ReadyReport =
  | { ready: true; degraded: readonly string[] }
  | { ready: false; reason: 'starting' | 'draining' | 'stale' }

export interface HealthOptions {
  ready: () => ReadyReport | Promise<ReadyReport>
}

/** GET /livez: the process answers; no store is read. GET /readyz: the instance can take requests. */
export const healthRoutes: FastifyPluginAsyncTypebox<HealthOptions> = async (app, { ready }) => {
  // Probes request these routes every few seconds.
  const logLevel = 'warn'

  app.get('/livez', { logLevel, schema: livezSchema }, async (_request, reply) => {
    reply.header('cache-control', 'no-store')
    return { status: 'ok' as const }
  })

  app.get('/readyz', { logLevel, schema: readyzSchema }, async (_request, reply) => {
    reply.header('cache-control', 'no-store')
    const report = await ready()
    if (!report.ready) return reply.code(503).send({ status: 'unavailable', reason: report.reason })
    return {
      status: report.degraded.length > 0 ? ('degraded' as const) : ('ok' as const),
      degraded: [...report.degraded],
    }
  })
}

const livezSchema = {
  operationId: 'checkLiveness',
  tags: ['Health'],
  summary: 'Check that the process is alive',
  description: 'Reads no store.',
  response: { 200: Type.Object({ status: Type.Literal('ok') }, { title: 'Liveness', description: 'It is alive.' }) },
}

const readyzSchema = {
  operationId: 'checkReadiness',
  tags: ['Health'],
  summary: 'Check that this instance is ready for requests',
  description: 'An unavailable store makes it `degraded`, not unavailable, because verification continues.',
  response: {
    200: Type.Object(
      {
        status: Type.Union([Type.Literal('ok'), Type.Literal('degraded')]),
        degraded: Type.Array(Type.String(), {
          description: 'Problems of this instance. Verification is still safe.',
        }),
      },
      { title: 'Readiness', description: 'It can take requests.' },
    ),
    503: Type.Object(
      {
        status: Type.Literal('unavailable'),
        reason: Type.Union([Type.Literal('starting'), Type.Literal('draining'), Type.Literal('stale')]),
      },
      { title: 'Unreadiness', description: 'Send requests to another instance.' },
    ),
  },
}

/** The parts of the stores that readiness needs. */
interface PingedStores {
  db: { ping(): Promise<void> }
  ephemeral: { ping(): Promise<readonly string[]> }
}

/** Far below the second that a probe waits by default, so that a store that hangs does not look like an instance that does. */
const PING_TIMEOUT_MS = 300

/**
 * Whether this instance can take requests. An unavailable store does not change that: verification continues, and
 * removing every instance from the gateway at once would make the outage worse. The store is reported as degraded, and so
 * is a Redis that can evict keys (`redis-eviction`), contained data that is not ours (`redis-untrusted`) or denies a right
 * (`redis-rights`) or took no writes (`redis-writes`), and a clock that differs much from the clock of Postgres (`clock`).
 */
export function readiness(app: FastifyInstance, { db, ephemeral }: PingedStores): () => Promise<ReadyReport> {
  const stores = {
    postgres: oneAtATime(() => db.ping().then(() => [])),
    redis: oneAtATime(() => ephemeral.ping()),
  }
  // The first ping logs the problems of Redis, also if nothing requests /readyz.
  app.addHook('onReady', async () => void stores.redis().catch(() => {}))
  return async () => {
    if (app.isDraining()) return { ready: false, reason: 'draining' }
    if (!app.context.revocations.loaded) return { ready: false, reason: 'starting' }
    if (!app.context.revocations.fresh) return { ready: false, reason: 'stale' }
    const answers = await Promise.all(
      Object.entries(stores).map(async ([name, ping]) => (await answerInTime(ping())) ?? [name]),
    )
    const { isOff } = app.context.revocations.clocks
    return { ready: true, degraded: [...answers.flat(), ...(isOff ? ['clock'] : [])] }
  }
}

/** Simultaneous calls share one ping, so that a store that hangs gets only one. */
function oneAtATime<Answer>(ping: () => Promise<Answer>): () => Promise<Answer> {
  let pending: Promise<Answer> | undefined
  return () => {
    pending ??= ping().finally(() => {
      pending = undefined
    })
    return pending
  }
}

function answerInTime<Answer>(ping: Promise<Answer>): Promise<Answer | undefined> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, PING_TIMEOUT_MS, undefined)
    const settle = (answer: Answer | undefined) => {
      clearTimeout(timer)
      resolve(answer)
    }
    ping.then(settle, () => settle(undefined))
  })
}
