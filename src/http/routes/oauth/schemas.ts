import type { FastifyInstance } from 'fastify'
import type { GenuineCredential } from '../../plugins/rate-limit.js'
import { type TProperties, Type } from '../../plugins/schemas.js'
import { clientOf } from './client-of.js'

/** Long enough for every token of this service. */
export const TOKEN_MAX_LENGTH = 4096

/** The options that all routes for clients share. */
export function forClients(app: FastifyInstance) {
  const genuine: GenuineCredential = {
    holder: async request => `client:${(await clientOf(app.context, request)).id}`,
  }
  return {
    // A token of 4 KB, and the rest.
    bodyLimit: 8192,
    config: { ...app.limits.perService, genuine, crossSite: 'never' as const },
  }
}

/** The body of a route for clients: a form, in which unknown parameters are ignored (RFC 6749, 3.2). */
export function formOf<T extends TProperties>(properties: T) {
  return Type.Object({
    client_id: Type.Optional(Type.String({ description: 'Unless the client authenticates by the header.' })),
    client_secret: Type.Optional(Type.String()),
    ...properties,
  })
}

export const tokenField = Type.String({ maxLength: TOKEN_MAX_LENGTH })
export const hintField = Type.Optional(Type.String({ description: 'Accepted and not needed.' }))

const errorSchema = Type.Object({ error: Type.String(), error_description: Type.Optional(Type.String()) })

/** The refusals of the routes for clients; `codes` are those of the route's own beside them. */
export function oauthErrors(...codes: string[]) {
  const listed = ['invalid_request', ...codes].map(code => `\`${code}\``).join(', ')
  return {
    400: { ...errorSchema, description: `RFC 6749, 5.2: ${listed}` },
    401: { ...errorSchema, description: '`invalid_client`' },
    429: { ...errorSchema, description: '`temporarily_unavailable`: too many requests' },
    503: { ...errorSchema, description: '`temporarily_unavailable`: a store is away' },
  }
}
