import { ADMIN_ROLE } from '@latchkey/verifier/core'
import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  onRequestAsyncHookHandler,
  preHandlerAsyncHookHandler,
} from 'fastify'
import fp from 'fastify-plugin'
import { type Administrator, administratorContext, checkAdministrator } from '../../domain/accounts/administrator.js'
import { type ClientPrincipal, isClientToken, verifyClientToken } from '../../domain/clients/client-token.js'
import type { Scope } from '../../domain/clients/clients.js'
import type { AuthContext } from '../../domain/context.js'
import { verifyAccessToken } from '../../domain/tokens/verify-access-token.js'
import { LatchkeyError } from '../../lib/errors.js'
import { recordConcerns } from '../request-facts.js'

export interface AuthenticateClientsOptions {
  context: AuthContext
}

/**
 * Authenticates clients by their own access tokens. A client's token is accepted only on the routes for clients:
 * `authenticate` refuses it, because it has another audience and no session.
 */
export const authenticateClients = fp(
  async (app: FastifyInstance, { context }: AuthenticateClientsOptions) => {
    app.decorateRequest('actor', '')
    app.decorateRequest('client')
    const administrators = new WeakMap<FastifyRequest, Administrator>()
    app.decorateRequest('adminContext', function (this: FastifyRequest) {
      return administratorContext(context, administrators.get(this)!, this.id)
    })

    app.decorate(
      'authenticateClient',
      (scope: Scope): onRequestAsyncHookHandler =>
        async request => {
          const token = request.presentedAccessToken()
          if (token === undefined) throw new LatchkeyError('authentication_required')
          if (!isClientToken(context, token)) {
            // An invalid token gets its own error, a valid one insufficient_scope.
            const { userId, sessionId, clientId } = await verifyAccessToken(context, token)
            throw new LatchkeyError('insufficient_scope', { concerns: { userId, sessionId, clientId } })
          }
          request.client = await clientOf(context, token, scope)
          request.actor = request.client.clientId
        },
    )

    app.decorate('authenticateAdmin', async (request: FastifyRequest, reply: FastifyReply) => {
      const token = request.presentedAccessToken()
      if (token === undefined) throw new LatchkeyError('authentication_required')
      if (isClientToken(context, token)) {
        const client = await clientOf(context, token, 'admin')
        administrators.set(request, { client })
        recordConcerns(request, { clientId: client.clientId })
        request.actor = client.clientId
        return
      }
      reply.setPrincipal(await verifyAccessToken(context, token))
      if (!request.principal.roles.includes(ADMIN_ROLE)) throw new LatchkeyError('insufficient_role')
      administrators.set(request, { user: request.principal })
      request.actor = request.principal.userId
    })

    app.decorate('authorizeAdmin', async (request: FastifyRequest) => {
      const token = request.presentedAccessToken()!
      if (isClientToken(context, token)) await clientOf(context, token, 'admin')
      else await checkAdministrator(context, request.principal)
    })
  },
  { name: 'authenticate-clients', fastify: '5.x', dependencies: ['authenticate'] },
)

async function clientOf(context: AuthContext, token: string, scope: Scope): Promise<ClientPrincipal> {
  const client = await verifyClientToken(context, token)
  if (!client.scopes.includes(scope))
    throw new LatchkeyError('insufficient_scope', { concerns: { clientId: client.clientId } })
  return client
}

declare module 'fastify' {
  interface FastifyInstance {
    /** The hook of routes for clients with a scope: sets `request.client` and `request.actor`, or refuses with 401 or 403. */
    authenticateClient(scope: Scope): onRequestAsyncHookHandler
    /** The first hook of routes for clients with the scope `admin` and users with the role `admin`. */
    authenticateAdmin: onRequestAsyncHookHandler
    /**
     * The second hook of these routes, after the body has arrived: checks in Postgres that the actor is still an
     * administrator. The body can arrive late, and the token contains only what was true when it was issued.
     */
    authorizeAdmin: preHandlerAsyncHookHandler
  }

  interface FastifyRequest {
    /** The id of the client or the user that makes the change, for events; empty on other routes. */
    actor: string
    /** Set by `authenticateClient`. */
    client: ClientPrincipal
    /** The context for changes by an administrator, which checks the administrator's rights again; on admin routes only. */
    adminContext(): AuthContext
  }
}
