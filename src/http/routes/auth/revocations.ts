import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import type { ClientPrincipal } from '../../../domain/clients/client-token.js'
import type { AuthContext } from '../../../domain/context.js'
import type { Admission } from '../../../revocations/feed/feed.js'
import { accessTokenErrors, errorResponses, idSchema, Type } from '../../schemas.js'

/** The feed of revocations for other services, as Server-Sent Events (docs/feed.md). */
export const revocationFeedRoutes: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  const { feed } = context
  app.addEndlessAnswers({ drain: forMs => feed.drain(forMs), end: () => void feed.close() })

  app.get(
    '/auth/revocations',
    {
      onRequest: app.authenticateClient('revocations'),
      // An answer without a body would be an answer without an end.
      exposeHeadRoute: false,
      schema: {
        operationId: 'followRevocations',
        summary: 'Follow all revocations',
        description:
          'For clients with the scope `revocations`. Sends Server-Sent Events without an end: first every revocation ' +
          'that can still refuse a token, or those since `Last-Event-ID`, then each new one at once, and a heartbeat ' +
          'about every second. docs/feed.md specifies the events.',
        tags: ['Other services'],
        security: [{ client: ['revocations'] }],
        querystring: query,
        headers,
        documented: { query: queryDocs },
        response: {
          200: events,
          ...errorResponses(
            'invalid_request',
            ...accessTokenErrors,
            'insufficient_scope',
            'verifier_id_taken',
            'store_unavailable',
            'revocations_stale',
            'busy',
            'too_many_followers',
            'shutting_down',
          ),
        },
      },
    },
    async (request, reply) => {
      const { verifier: id, max_staleness } = request.query
      const { client } = request
      const admission = await feed.admit({
        client,
        verifier:
          id === undefined ? undefined : { id: id.toLowerCase(), name: await nameOf(client, request.query.name) },
        maxStalenessSeconds: Number(max_staleness ?? DEFAULT_MAX_STALENESS_SECONDS),
        lastEventId: request.headers['last-event-id'],
      })
      stream(reply, admission)
    },
  )

  /** By default the name of the client. */
  async function nameOf({ clientId }: ClientPrincipal, name: string | undefined): Promise<string> {
    return name ?? (await context.db.clients.find(clientId))?.name ?? clientId
  }
}

/** Hands the response over to the feed, which writes to it as long as the connection is open. */
function stream(reply: FastifyReply, admission: Admission): void {
  const { raw: response, request } = reply
  const { socket } = request.raw
  reply.hijack()
  if (response.destroyed || socket.destroyed) {
    admission.abandon()
    return
  }
  // The feed itself notices a client that does not read (plugins/response-timeout.ts).
  socket.setTimeout(0)
  for (const [name, value] of Object.entries({ ...reply.getHeaders(), ...HEADERS }))
    if (value !== undefined) response.setHeader(name, value)
  response.writeHead(200)
  logConnection(reply)
  admission.follow(response)
}

/** The line of the request itself comes at the end, and only if this service ended the connection. */
function logConnection({ raw: response, request }: FastifyReply): void {
  const facts = { clientId: request.client.clientId }
  const begunAtMs = performance.now()
  request.log.info(facts, 'follower connected')
  response.on('close', () => {
    const responseTime = performance.now() - begunAtMs
    if (!response.writableFinished) request.log.info({ ...facts, responseTime }, 'follower disconnected')
  })
}

const HEADERS = {
  'content-type': 'text/event-stream',
  // Without `no-transform`, a gateway could collect events in order to compress them; nginx would buffer them.
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
}

const DEFAULT_MAX_STALENESS_SECONDS = 60

/** Unknown parameters are ignored, so that the verifiers of later versions can follow this one. */
const query = Type.Object({
  verifier: Type.Optional(
    Type.String({
      ...idSchema,
      description:
        'A random UUID of the process that verifies. Receipts wait for verifiers; without an id, the follower is an observer.',
    }),
  ),
  name: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9_.:-]{1,64}$',
      'x-message': 'must be 1 to 64 letters, digits or the characters _ . : -',
      description: 'The name of the verifier in lists and receipts; by default the name of the client.',
    }),
  ),
  max_staleness: Type.Optional(
    Type.String({
      pattern: '^([5-9]|[1-9][0-9]{1,2}|[12][0-9]{3}|3[0-5][0-9]{2}|3600)$',
      'x-message': 'must be a whole number from 5 to 3600',
      description: 'How many seconds the verifier verifies without news: 5 to 3600, by default 60.',
    }),
  ),
})

const queryDocs = {
  max_staleness: {
    type: 'integer',
    minimum: 5,
    maximum: 3600,
    default: DEFAULT_MAX_STALENESS_SECONDS,
    description: 'How many seconds the verifier verifies without news.',
  },
}

const headers = Type.Object({
  'last-event-id': Type.Optional(
    Type.String({ description: 'The last `id` that the follower read. An unknown one leads to a snapshot.' }),
  ),
})

const events = Type.Unsafe<never>({
  description: 'Server-Sent Events: `start`, `revocations`, `heartbeat` and `reconnect`.',
  content: { 'text/event-stream': { schema: Type.String() } },
})
