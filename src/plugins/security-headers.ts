import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

export interface SecurityHeadersOptions {
  /** The origin that browsers see this service under. */
  publicOrigin: string
}

/**
 * Sets the security headers of an API on the answers of the routes that are registered after it. Pages (docs, account)
 * replace the policy with their own.
 * They are constants: @fastify/helmet builds its middleware anew for each request, which costs more CPU than
 * verifying a cached token does.
 */
export const securityHeaders = fp(
  async (app: FastifyInstance, { publicOrigin }: SecurityHeadersOptions) => {
    const headers = securityHeadersFor(publicOrigin)
    app.addHook('onRequest', (_request, reply, done) => {
      reply.headers(headers)
      done()
    })
  },
  { name: 'security-headers', fastify: '5.x' },
)

export function securityHeadersFor(publicOrigin: string) {
  return {
    'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    // Over plain http it means nothing, and on localhost it would outlive the experiment.
    ...(publicOrigin.startsWith('https://') && {
      'strict-transport-security': 'max-age=31536000; includeSubDomains',
    }),
  }
}
