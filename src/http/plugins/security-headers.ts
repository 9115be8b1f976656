import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

export interface SecurityHeadersOptions {
  /** The origin of this service as browsers see it. */
  publicOrigin: string
  /** The path whose GET sets the headers itself, only where a browser can see the answer (docs/adr/0011). */
  except?: string
}

/**
 * Sends the security headers of an API with every answer, so register it before everything that can answer: CORS, the
 * guard, pages, routes. Pages replace the policy with their own. Answers without Fastify's hooks, in fastify-options.ts,
 * use the same constants. Not @fastify/helmet: it builds its middleware again for each request, which costs more CPU than
 * verifying a cached token.
 */
export const securityHeaders = fp(
  async (app: FastifyInstance, { publicOrigin, except }: SecurityHeadersOptions) => {
    const headers = securityHeadersFor(publicOrigin)
    const withQuery = `${except}?`
    app.addHook('onRequest', ({ raw: { method, url } }, reply, done) => {
      // The URL, because Fastify builds an object for the name of the route.
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
    // Browsers ignore it over plain http, and on localhost it would stay after the experiment.
    ...(publicOrigin.startsWith('https://') && {
      'strict-transport-security': 'max-age=31536000; includeSubDomains',
    }),
  }
}
