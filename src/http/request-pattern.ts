import type { FastifyRequest } from 'fastify'

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** The pattern of the route, never the path that was requested, which a client can choose. */
export function routeOf(request: FastifyRequest): string {
  return request.is404 ? 'unknown' : (request.routeOptions.url ?? 'unknown')
}

/** A client can send any method to some routes. */
export function methodOf({ method }: FastifyRequest): string {
  return METHODS.has(method) ? method : 'other'
}
