import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { reportActivity } from '../../../domain/clients/report-activity.js'
import type { AuthContext } from '../../../domain/context.js'
import { MAX_POSITION_LENGTH } from '../../../revocations/receipts/position.js'
import { accessTokenErrors, bodyOf, errorResponses, idSchema, Type } from '../../schemas.js'

/** 2001 and 33658: a time in seconds is below, so it is refused and not misread. */
const [EARLIEST_MS, LATEST_MS] = [1_000_000_000_000, 1_000_000_000_000_000]

const sighting = Type.Object(
  {
    sid: Type.String({ ...idSchema, description: 'The claim `sid` of the access token.' }),
    gen: Type.Integer({ minimum: 0, maximum: 0x7fff_ffff, description: 'The claim `gen`.' }),
    at: Type.Integer({
      minimum: EARLIEST_MS,
      maximum: LATEST_MS,
      description:
        'When the token was verified, in milliseconds since 1970. A time in the future counts as now; one that is more ' +
        'than five minutes old is ignored.',
    }),
  },
  { additionalProperties: false },
)

/** Takes the reports of verifiers at other services (docs/receipts.md). */
export const activityRoutes: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  app.post(
    '/auth/activity',
    {
      onRequest: app.authenticateClient('revocations'),
      // A thousand sessions, and the longest position.
      bodyLimit: 256 * 1024,
      schema: {
        operationId: 'reportActivity',
        summary: 'Report applied revocations and used sessions',
        description:
          'For clients with the scope `revocations`. A verifier confirms with `position` that it has applied every ' +
          'revocation up to a heartbeat of `GET /auth/revocations`: receipts wait for that. `sessions` says which ' +
          'sessions were used at this service.',
        tags: ['Other services'],
        security: [{ client: ['revocations'] }],
        body: bodyOf({
          verifier: Type.Optional(
            Type.String({ ...idSchema, description: 'The `verifier` with which it follows the revocations.' }),
          ),
          position: Type.Optional(
            Type.String({
              minLength: 1,
              maxLength: MAX_POSITION_LENGTH,
              description: 'The `position` of the last heartbeat whose revocations are applied.',
            }),
          ),
          sessions: Type.Optional(Type.Array(sighting, { maxItems: 1000 })),
          closing: Type.Optional(
            Type.Boolean({
              description: 'True if this verifier verifies no token from now on: no receipt waits for it.',
            }),
          ),
        }),
        response: {
          204: Type.Null({ description: 'Recorded.' }),
          ...errorResponses(
            'invalid_request',
            ...accessTokenErrors,
            'insufficient_scope',
            'verifier_not_found',
            'verifier_id_taken',
            'store_unavailable',
          ),
        },
      },
    },
    async (request, reply) => {
      const { verifier, position, sessions = [], closing = false } = request.body
      await reportActivity(context, request.client, {
        verifierId: verifier?.toLowerCase(),
        position,
        sightings: sessions.map(({ sid, gen, at }) => ({
          sessionId: sid.toLowerCase(),
          generation: gen,
          seenAt: at,
        })),
        isClosing: closing,
      })
      return reply.code(204).send(null)
    },
  )
}
