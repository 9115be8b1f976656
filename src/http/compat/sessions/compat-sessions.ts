import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { AuthContext } from '../../../domain/context.js'
import { type ListedSession, listSessions } from '../../../domain/sessions/manage-sessions.js'
import { isOwnRefreshToken } from '../../../domain/tokens/examine-refresh-token.js'
import { LatchkeyError } from '../../../lib/errors.js'
import { logRefusal } from '../../errors/problem.js'
import { toLatchkeyError } from '../../errors/to-latchkey-error.js'
import { addRevokeRoutes, sessionOperation } from '../../routes/auth/sessions.js'
import { callerOf } from '../../routes/auth/token-response.js'
import { errorResponses, type Static, sessionSchema, Type, uuidSchema } from '../../schemas.js'
import {
  CREDENTIALS_NOT_PROVIDED,
  describeView,
  sendRefusal,
  simpleJwtRefusalSchema,
  viewRefusalOf,
} from '../simple-jwt/refusals.js'

const { device, ip, location, last_active_at, is_active, expires_at, current } = sessionSchema.properties
const itemSchema = Type.Object(
  {
    id: uuidSchema,
    device_info: device,
    ip_address: ip,
    location_data: location,
    last_activity: last_active_at,
    is_active,
    expires_at,
    current,
  },
  { title: 'OlderSession' },
)

const described = { tags: ['Older APIs'], documented: { otherErrors: { 401: simpleJwtRefusalSchema } } }
/** Of the errors of an access token, only a missing one is a problem. */
const errors = errorResponses('authentication_required', 'invalid_request', 'store_unavailable')
const PATH = '/api/users/me/sessions'
const METHODS = 'GET, DELETE, HEAD, OPTIONS'

/**
 * The sessions of a user at the paths and with the field names of older systems; docs/migrating.md lists the differences
 * from `/auth/sessions`. DELETE on the collection revokes all other sessions. Errors are those of a Django view that
 * Simple JWT protects: its clients expect them at every path.
 */
export const compatSessionRoutes: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  setDjangoErrorHandler(app, text => isOwnRefreshToken(context, text))
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('Cache-Control', 'no-store')
  })

  const list = {
    onRequest: app.authenticate,
    schema: {
      ...sessionOperation,
      operationId: 'listOlderSessions',
      ...described,
      summary: 'List the live sessions of the user, in the format of older systems',
      description:
        'The error for a refused access token has the format of Simple JWT, `{detail, code, messages}`. All other ' +
        'errors are problem details.',
      response: { 200: Type.Array(itemSchema, { description: 'The live sessions.' }), ...errors },
    },
  }
  const items = async (request: FastifyRequest) =>
    (await listSessions(context, request.principal, callerOf(request))).map(itemOf)
  app.get(PATH, list, items)
  // Only GET: a DELETE with an empty id could mean one session or all.
  app.get(`${PATH}/`, { ...list, schema: { ...list.schema, hide: true } }, items)

  addRevokeRoutes(app, context, {
    others: { url: PATH, operationId: 'revokeOtherOlderSessions', ...described },
    one: { url: `${PATH}/:id`, operationId: 'revokeOlderSession', ...described },
    errors,
  })

  const view = { name: 'Sessions', description: '', allow: METHODS, parses: ['application/json'] }
  app.options(PATH, { onRequest: app.authenticate, schema: { hide: true } }, async (_request, reply) =>
    describeView(reply, view),
  )
}

function itemOf(session: ListedSession): Static<typeof itemSchema> {
  return {
    id: session.id,
    device_info: session.device,
    ip_address: session.ip,
    location_data: session.location && { country: session.location.country, city: session.location.city ?? null },
    last_activity: session.lastActiveAt.toISOString(),
    is_active: session.isActive,
    expires_at: session.expiresAt.toISOString(),
    current: session.current,
  }
}

/**
 * Makes the routes of this instance answer errors as views of Django REST framework do: a refused token in Simple JWT's
 * format, and every other error as problem details with the `detail` that clients of that framework show.
 */
function setDjangoErrorHandler(app: FastifyInstance, isRefreshToken: (text: string) => boolean): void {
  app.addHook('onSend', async (_request, reply) => {
    if (reply.statusCode === 401) reply.header('www-authenticate', 'Bearer realm="api"')
  })
  app.setErrorHandler((thrown, request, reply) => {
    const error = toLatchkeyError(thrown)
    const refusal = viewRefusalOf(error, request.headers.authorization, isRefreshToken)
    if (refusal === undefined) throw withDetail(error)
    logRefusal(app.log, request, error)
    return sendRefusal(reply, error, refusal)
  })
}

function withDetail(error: LatchkeyError): LatchkeyError {
  if (error.detail !== undefined) return error
  const { code, retryAfterSeconds, errors, cause, concerns } = error
  const detail = code === 'authentication_required' ? CREDENTIALS_NOT_PROVIDED : error.message
  return new LatchkeyError(code, { detail, retryAfterSeconds, errors, cause, concerns })
}
