import { isIP } from 'node:net'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyPluginAsync } from 'fastify'
import { openClientSession } from '../../../domain/clients/client-sessions.js'
import type { AuthContext } from '../../../domain/context.js'
import { fieldError } from '../../../lib/errors.js'
import { bodyOf, Type, tokenResponseSchema } from '../../schemas.js'
import { replyWithTokens } from '../auth/token-response.js'
import { adminEventRoutes } from './events.js'
import { examples } from './examples.js'
import { globalTokenRevocationRoute } from './global-token-revocation.js'
import { revocationRoutes } from './revocations.js'
import { adminErrors, userParams } from './schemas.js'
import { streamListRoute } from './streams.js'
import { userAccessRoutes } from './user-access.js'
import { userDataRoutes } from './user-data.js'
import { userSearchRoutes } from './user-search.js'
import { userRoutes } from './users.js'
import { verifierRoutes } from './verifiers.js'
import { webhookRoutes } from './webhooks.js'

/**
 * The routes for administrators: clients with the scope `admin`, and users with the role `admin`. Opening sessions has its
 * own scope and is for clients only.
 */
export const adminRoutes: FastifyPluginAsync<{ context: AuthContext }> = async (app, { context }) => {
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
  })
  await app.register(openSessionRoute, { context })
  await app.register(async app => {
    app.addHook('onRequest', app.authenticateAdmin)
    app.addHook('preHandler', app.authorizeAdmin)
    await app.register(userSearchRoutes, { context })
    await app.register(userRoutes, { context })
    await app.register(userAccessRoutes, { context })
    await app.register(userDataRoutes)
    await app.register(revocationRoutes)
    await app.register(globalTokenRevocationRoute)
    await app.register(adminEventRoutes, { context })
    await app.register(verifierRoutes, { context })
    await app.register(webhookRoutes, { context })
    await app.register(streamListRoute, { context })
  })
}

const NO_IP_ADDRESS = 'must be an IPv4 or an IPv6 address'

/** Opens sessions for services that sign users in themselves. */
const openSessionRoute: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  app.post(
    '/admin/users/:id/sessions',
    {
      onRequest: app.authenticateClient('sessions'),
      schema: {
        operationId: 'openUserSession',
        summary: 'Open a session for a user whom the client has signed in',
        description:
          'For clients with the scope `sessions`. The list of sessions shows the values that the client sends.',
        tags: ['Administration'],
        security: [{ client: ['sessions'] }],
        params: userParams,
        documented: { examples: examples.openSession },
        body: bodyOf({
          ip: Type.Optional(
            Type.String({
              maxLength: 45,
              pattern: '^[0-9A-Fa-f:.]*$',
              'x-message': NO_IP_ADDRESS,
              description: 'The address of the user, IPv4 or IPv6.',
            }),
          ),
          user_agent: Type.Optional(
            Type.String({
              maxLength: 512,
              pattern: '^[^\\p{Cc}\\uFFFD\\p{Cs}]*$',
              'x-message': 'must not contain control characters or broken characters',
            }),
          ),
          auth_methods: Type.Optional(
            Type.Array(
              Type.String({
                pattern: '^[a-z0-9_-]{1,32}$',
                'x-message': 'must be 1 to 32 lower-case letters, digits or the characters _ -',
              }),
              {
                maxItems: 8,
                description: 'How the user signed in, as values of RFC 8176: `pwd`, `otp`, `mfa` …',
              },
            ),
          ),
        }),
        response: {
          201: tokenResponseSchema,
          ...adminErrors('user_not_found', 'account_disabled'),
        },
      },
    },
    async (request, reply) => {
      const { ip, user_agent: userAgent, auth_methods: authMethods = [] } = request.body
      if (ip !== undefined && isIP(ip) === 0) throw fieldError('invalid_request', 'ip', NO_IP_ADDRESS)
      const signIn = { client: request.client, userId: request.params.id, authMethods, caller: { ip, userAgent } }
      const grant = await openClientSession(context, signIn)
      reply.code(201)
      return replyWithTokens(reply, grant, 'body')
    },
  )
}
