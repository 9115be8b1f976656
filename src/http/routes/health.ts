import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '../plugins/schemas.js'

/** Whether this instance may be sent requests. While it is, `degraded` names what is amiss (docs/revocation.md). */
export type ReadyReport =
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
  tags: ['operation'],
  summary: 'Whether the process is alive',
  response: { 200: Type.Object({ status: Type.Literal('ok') }) },
}

const readyzSchema = {
  tags: ['operation'],
  summary: 'Whether this instance may be sent requests',
  response: {
    200: Type.Object({
      status: Type.Union([Type.Literal('ok'), Type.Literal('degraded')]),
      degraded: Type.Array(Type.String(), { description: 'What is missing while verification is still safe.' }),
    }),
    503: Type.Object({
      status: Type.Literal('unavailable'),
      reason: Type.Union([Type.Literal('starting'), Type.Literal('draining'), Type.Literal('stale')]),
    }),
  },
}
