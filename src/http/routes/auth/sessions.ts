import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { AuthContext } from '../../../domain/context.js'
import {
  type ListedSession,
  labelSession,
  listSessions,
  revokeOtherSessions,
  revokeSession,
} from '../../../domain/sessions/manage-sessions.js'
import type { Documented } from '../../openapi/documented.js'
import {
  accessTokenErrors,
  bodyOf,
  errorResponses,
  idSchema,
  type SessionView,
  sessionSchema,
  Type,
} from '../../schemas.js'
import { callerOf } from './token-response.js'

export const sessionOperation = { tags: ['Sessions'], security: [{ bearer: [] }] }
const params = Type.Object({ id: Type.String({ ...idSchema, description: 'The id of the session.' }) })
const label = {
  type: ['string', 'null'],
  minLength: 1,
  maxLength: 100,
  // Lists show it: so it has a visible character, and neither control characters nor those that turn the direction of
  // the text after them. It has no characters that would be stored as others.
  pattern: '^(?=.*[^\\p{Cf}\\p{Z}])[^\\p{Cc}\\uFFFD\\p{Cs}\\u202A-\\u202E\\u2066-\\u2069]*$',
  'x-message': 'must have a visible character, and no control characters or broken characters',
  description: 'Null removes the name.',
}
export const sessionErrors = errorResponses(...accessTokenErrors, 'invalid_request', 'store_unavailable')

/** Lists, names and revokes the sessions of the signed-in user. */
export const sessionRoutes: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('Cache-Control', 'no-store')
  })

  app.get(
    '/auth/sessions',
    {
      onRequest: app.authenticate,
      schema: {
        ...sessionOperation,
        operationId: 'listSessions',
        summary: 'List the live sessions of the user, newest first',
        description: 'With the device, the address and both ends of each session.',
        response: { 200: Type.Array(sessionSchema, { description: 'The live sessions.' }), ...sessionErrors },
      },
    },
    async request => (await listSessions(context, request.principal, callerOf(request))).map(sessionView),
  )

  app.patch(
    '/auth/sessions/:id',
    {
      onRequest: app.authenticate,
      schema: {
        ...sessionOperation,
        operationId: 'labelSession',
        summary: 'Name a session',
        description: 'The list of sessions shows the name.',
        params,
        documented: { examples: { name: { summary: 'A name', value: { label: 'My laptop' } } } },
        body: bodyOf({ label: Type.Unsafe<string | null>(label) }),
        response: {
          204: Type.Null({ description: 'The session has this name.' }),
          ...sessionErrors,
          ...errorResponses('session_not_found'),
        },
      },
    },
    async (request, reply) => {
      await labelSession(context, request.principal, request.params.id, request.body.label)
      return reply.code(204).send(null)
    },
  )

  addRevokeRoutes(app, context, {
    others: { url: '/auth/sessions/others', operationId: 'revokeOtherSessions' },
    one: { url: '/auth/sessions/:id', operationId: 'revokeSession' },
  })
}

interface NamedRoute {
  url: string
  operationId: string
  tags?: string[]
  documented?: Documented
}

/** The routes that revoke sessions, at the given paths. They need no body and answer 204. */
export function addRevokeRoutes(
  app: Parameters<FastifyPluginAsyncTypebox>[0],
  context: AuthContext,
  { others, one, errors = sessionErrors }: { others: NamedRoute; one: NamedRoute; errors?: typeof sessionErrors },
): void {
  app.delete(
    others.url,
    {
      onRequest: app.authenticate,
      config: { revokes: 'for users' },
      schema: {
        ...sessionOperation,
        ...descriptionOf(others),
        summary: 'Revoke every session except the current one',
        description: 'Their access tokens are refused at once.',
        response: { 204: Type.Null({ description: 'The other sessions are revoked.' }), ...errors },
      },
    },
    async (request, reply) => {
      await revokeOtherSessions(context, request.principal, callerOf(request))
      return reply.code(204).send(null)
    },
  )

  app.delete(
    one.url,
    {
      onRequest: app.authenticate,
      config: { revokes: 'for users' },
      schema: {
        ...sessionOperation,
        ...descriptionOf(one),
        summary: 'Revoke one session of the user',
        description: 'Its access tokens are refused at once.',
        params,
        response: {
          204: Type.Null({ description: 'The session is revoked.' }),
          ...errors,
          ...errorResponses('session_not_found'),
        },
      },
    },
    async (request, reply) => {
      await revokeSession(context, request.principal, request.params.id, callerOf(request))
      return reply.code(204).send(null)
    },
  )
}

function descriptionOf({ url: _path, ...description }: NamedRoute) {
  return description
}

/** A session as lists show it. */
export function sessionView(session: ListedSession): SessionView {
  return {
    id: session.id,
    current: session.current,
    device: session.device,
    label: session.label,
    ip: session.ip,
    location: session.location && { country: session.location.country, city: session.location.city ?? null },
    auth_methods: session.authMethods,
    transport: session.transport,
    remember: session.remember,
    created_at: session.createdAt.toISOString(),
    last_active_at: session.lastActiveAt.toISOString(),
    expires_at: session.expiresAt.toISOString(),
    idle_expires_at: session.idleExpiresAt.toISOString(),
    is_active: session.isActive,
  }
}
