import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import type { AuthContext } from '../../auth/context.js'
import { type ListedSession, listSessions, revokeOtherSessions, revokeSession } from '../../auth/sessions.js'
import { LatchkeyError } from '../../errors.js'
import { logRefusal } from '../../plugins/log-refusal.js'
import {
  accessTokenErrors,
  errorResponses,
  idSchema,
  type Static,
  sessionSchema,
  Type,
  uuidSchema,
} from '../../plugins/schemas.js'
import { toLatchkeyError } from '../../plugins/to-latchkey-error.js'
import { callerOf } from '../../routes/token-response.js'
import { sendRefusal } from '../simple-jwt/send-refusal.js'

const { device, ip, location, last_active_at, is_active, expires_at, current } = sessionSchema.properties
const itemSchema = Type.Object({
  id: uuidSchema,
  device_info: device,
  ip_address: ip,
  location_data: location,
  last_activity: last_active_at,
  is_active,
  expires_at,
  current,
})

const params = Type.Object({ id: idSchema })
const refusals = {
  ...errorResponses(...accessTokenErrors, 'invalid_request', 'cross_site_request', 'store_unavailable'),
}

/**
 * The sessions of a user by the addresses and names that older systems gave them; docs/migrating.md says how they differ
 * from `/auth/sessions`. DELETE on the collection ends the others. Who comes with an access token of Simple JWT's dialect
 * is refused in that dialect, because its clients look for `token_not_valid` at every address.
 */
export const sessionsDialectRoutes: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  const signedIn = { onRequest: app.authenticate }
  const described = { tags: ['session'], security: [{ bearer: [] }] }
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('Cache-Control', 'no-store')
  })
  app.setErrorHandler((thrown, request, reply) => {
    const error = toLatchkeyError(thrown)
    const told = isRefreshTokenOfDialect(request, error)
      ? new LatchkeyError('token_invalid', { dialect: 'simple-jwt', cause: thrown })
      : error
    if (told.dialect === 'simple-jwt') {
      logRefusal(app.log, request, told)
      return sendRefusal(reply, told)
    }
    if (error.status !== 401 || error.detail !== undefined) throw error
    // Clients of Django REST framework show the detail of a refusal.
    throw new LatchkeyError(error.code, { detail: error.message, cause: thrown })
  })

  app.get(
    '/api/users/me/sessions',
    {
      ...signedIn,
      schema: {
        ...described,
        summary: 'The live sessions of the user, by their older names',
        response: { 200: Type.Array(itemSchema), ...refusals },
      },
    },
    async request => (await listSessions(context, request.principal, callerOf(request))).map(itemOf),
  )

  app.delete(
    '/api/users/me/sessions',
    {
      ...signedIn,
      schema: { ...described, summary: 'End every session but this one', response: { 204: Type.Null(), ...refusals } },
    },
    async (request, reply) => {
      await revokeOtherSessions(context, request.principal, callerOf(request))
      return reply.code(204).send(null)
    },
  )

  app.delete(
    '/api/users/me/sessions/:id',
    {
      ...signedIn,
      schema: {
        ...described,
        summary: 'End one session of the user’s own',
        params,
        response: { 204: Type.Null(), ...refusals, ...errorResponses('session_not_found') },
      },
    },
    async (request, reply) => {
      await revokeSession(context, request.principal, request.params.id, callerOf(request))
      return reply.code(204).send(null)
    },
  )
}

/** Who sends a refresh token for an access token has a client of Simple JWT: ours keep refresh tokens in cookies. */
function isRefreshTokenOfDialect({ headers }: FastifyRequest, { code }: LatchkeyError): boolean {
  return code === 'token_invalid' && /^bearer +lk_rt_/i.test(headers.authorization ?? '')
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
