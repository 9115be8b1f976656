import type { FastifyRequest } from 'fastify'
import { authenticateClient } from '../../../domain/clients/authenticate-client.js'
import type { AuthContext } from '../../../domain/context.js'
import type { KnownClient } from '../../../postgres/clients.js'
import { clientCredentialsOf, type PostedCredentials } from './client-credentials.js'

/**
 * The client that makes a request whose body was read. The limit of the route and the route itself both ask for it; it
 * is looked up once.
 *
 * @throws LatchkeyError invalid_client, invalid_request
 */
export function clientOf(context: Pick<AuthContext, 'db'>, request: FastifyRequest): Promise<KnownClient> {
  const known = authenticated.get(request) ?? authenticate(context, request)
  authenticated.set(request, known)
  return known
}

const authenticated = new WeakMap<FastifyRequest, Promise<KnownClient>>()

async function authenticate(context: Pick<AuthContext, 'db'>, request: FastifyRequest): Promise<KnownClient> {
  return authenticateClient(context, clientCredentialsOf(request, (request.body ?? {}) as PostedCredentials))
}
