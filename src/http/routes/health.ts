import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import { Type } from '../schemas.js'

/** Whether this instance may be sent requests. While it is, `degraded` names what is amiss (docs/revocation.md). */
type ReadyReport =
  | { ready: true; degraded: readonly string[] }
  | { ready: false; reason: 'starting' | 'draining' | 'stale' }

export interface HealthOptions {
  ready: () => ReadyReport | Promise<ReadyReport>
}

/** GET /livez: the process answers; asks no store. GET /readyz: it may be sent requests. */
export const healthRoutes: FastifyPluginAsyncTypebox<HealthOptions> = async (app, { ready }) => {
  // Probes come every few seconds, for ever.
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
  tags: ['operations'],
  summary: 'Check that the process is alive',
  response: { 200: Type.Object({ status: Type.Literal('ok') }) },
}

const readyzSchema = {
  tags: ['operations'],
  summary: 'Check that this instance is ready for requests',
  response: {
    200: Type.Object({
      status: Type.Union([Type.Literal('ok'), Type.Literal('degraded')]),
      degraded: Type.Array(Type.String(), {
        description: 'Problems of this instance that do not make verification unsafe.',
      }),
    }),
    503: Type.Object({
      status: Type.Literal('unavailable'),
      reason: Type.Union([Type.Literal('starting'), Type.Literal('draining'), Type.Literal('stale')]),
    }),
  },
}

/** As much of the stores as readiness asks. */
interface PingedStores {
  db: { ping(): Promise<void> }
  ephemeral: { ping(): Promise<readonly string[]> }
}

/** Far below the second that a probe waits by default: a store that hangs must not look like an instance that does. */
const PING_TIMEOUT_MS = 300

/**
 * Whether this instance may be sent requests. A store that is away does not change that: verification goes on, and
 * taking every instance out of the gateway at once would only make it worse. It is named as degraded, and so is a Redis
 * that may evict (`redis-eviction`), held what is not ours (`redis-untrusted`) or denies a right (`redis-rights`), and a
 * clock that is far from that of Postgres (`clock`).
 */
export function readiness(app: FastifyInstance, { db, ephemeral }: PingedStores): () => Promise<ReadyReport> {
  const stores = {
    postgres: oneAtATime(() => db.ping().then(() => [])),
    redis: oneAtATime(() => ephemeral.ping()),
  }
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

/** However many ask, a store that hangs is kept busy by one ping. */
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
