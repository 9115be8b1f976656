import type { FastifyError, FastifyPluginAsync } from 'fastify'
import type { AuthContext } from '../../domain/context.js'
import { toLatchkeyError } from '../plugins/to-latchkey-error.js'
import { parseForms } from './oauth/form-body.js'
import { introspectRoute } from './oauth/introspect.js'
import { revokeRoute } from './oauth/revoke.js'
import { sendOAuthError } from './oauth/send-oauth-error.js'
import { tokenRoute } from './oauth/token.js'

/**
 * What other services ask for with a secret of their own, in the words of RFC 6749, 7009 and 7662: forms in, their
 * errors out. No cookie is read here, so no page of another site can make a browser ask in somebody's name.
 */
export const oauthRoutes: FastifyPluginAsync<{ context: AuthContext }> = async (app, { context }) => {
  parseForms(app)
  app.setErrorHandler((thrown: FastifyError, request, reply) => {
    const error = toLatchkeyError(thrown)
    if (error.status >= 500) request.log.error({ code: error.code, err: error.cause }, 'request failed')
    return sendOAuthError(reply, error)
  })
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers({ 'cache-control': 'no-store', pragma: 'no-cache' })
  })
  await app.register(tokenRoute, { context })
  await app.register(introspectRoute, { context })
  await app.register(revokeRoute, { context })
}
