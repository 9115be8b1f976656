import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

export interface SecurityHeadersOptions {
  /** The origin that browsers see this service under. */
  publicOrigin: string
  /** The address whose GET sets them itself, where a browser may see the answer (docs/adr/0011). */
  except?: string
}

/**
 * Sets the security headers of an API on every answer, so it comes before all that may answer: the guard, CORS, pages,
 * routes. Pages (docs, account) replace the policy with their own. What is answered without Fastify's hooks, in
 * fastify-options.ts, takes the same constants.
 * They are constants: @fastify/helmet builds its middleware anew for each request, which costs more CPU than
 * verifying a cached token does.
 */
export const securityHeaders = fp(
  async (app: FastifyInstance, { publicOrigin, except }: SecurityHeadersOptions) => {
    const headers = securityHeadersFor(publicOrigin)
    const withQuery = `${except}?`
    app.addHook('onRequest', ({ raw: { method, url } }, reply, done) => {
      // Fastify would have to build an object to say which route it is.
      const isExempt = method === 'GET' && (url === except || url!.startsWith(withQuery))
      if (!isExempt) reply.headers(headers)
      done()
    })
  },
  { name: 'security-headers', fastify: '5.x' },
)

export function securityHeadersFor(publicOrigin: string): Record<string, string> {
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
