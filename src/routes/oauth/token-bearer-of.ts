import type { FastifyRequest } from 'fastify'
import type { TokenBearer } from '../../auth/clients/token-bearer.js'

/** How the domain has tokens verified that came in the body of a request. */
export function bearerOf(request: FastifyRequest): TokenBearer {
  return {
    verify: token => request.verifyAccessToken(token),
    verifyClient: token => request.verifyClientToken(token),
  }
}
