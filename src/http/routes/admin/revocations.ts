import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { endSessionsOfClient, endSessionsOfRole, signOutEveryone } from '../../../domain/sessions/end-many-sessions.js'
import { fieldError } from '../../../lib/errors.js'
import { Type } from '../../schemas.js'
import { examples } from './examples.js'
import { adminErrors, adminOperation } from './schemas.js'

/** Revokes the sessions of many users at once. */
export const revocationRoutes: FastifyPluginAsyncTypebox = async app => {
  app.post(
    '/admin/revocations',
    {
      config: { revokes: 'for services' },
      schema: {
        ...adminOperation,
        operationId: 'revokeSessions',
        documented: { examples: examples.revocation },
        summary: 'Revoke the sessions of all users, of a role or of a client',
        description:
          'Send exactly one field. `before` revokes the sessions that began before this time; `role` revokes all ' +
          'sessions of the users with this role. `client_id` revokes the sessions that this client opened; ' +
          '`latchkey` means the sessions that users opened themselves.',
        body: Type.Object(
          {
            before: Type.Optional(Type.String({ format: 'date-time', maxLength: 40 })),
            role: Type.Optional(Type.String({ minLength: 1 })),
            client_id: Type.Optional(
              Type.String({
                pattern: '^(latchkey|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$',
                'x-message': 'must be the id of a client, or latchkey',
              }),
            ),
          },
          {
            additionalProperties: false,
            minProperties: 1,
            maxProperties: 1,
            'x-message': 'must have exactly one of before, role and client_id',
          },
        ),
        response: { 204: Type.Null({ description: 'The sessions are revoked.' }), ...adminErrors('invalid_role') },
      },
    },
    async (request, reply) => {
      const { before, role, client_id } = request.body
      if (role !== undefined) await endSessionsOfRole(request.adminContext(), role, request.actor)
      else if (client_id !== undefined)
        await endSessionsOfClient(request.adminContext(), client_id.toLowerCase(), 'revoked_by_admin', request.actor)
      else await signOutEveryone(request.adminContext(), request.actor, secondsOf(before!))
      return reply.code(204).send(null)
    },
  )
}

/** The schema accepts leap seconds, JavaScript does not. */
function secondsOf(instant: string): number {
  const seconds = Date.parse(instant) / 1000
  if (Number.isNaN(seconds)) throw fieldError('invalid_request', 'before', 'must be a time that exists')
  return seconds
}
