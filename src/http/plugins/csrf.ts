import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { LatchkeyError } from '../../lib/errors.js'

export interface CsrfOptions {
  /** The origin that browsers see this service under. */
  publicOrigin: string
  /** Further origins whose pages may send credentials. */
  corsOrigins: readonly string[]
  /** The cookies that, beside refresh tokens, make a request one on behalf of a browser that is signed in, or is known. */
  cookieNames: readonly string[]
}

/**
 * Refuses state-changing requests that a page of another site makes with our cookie, or to routes that say
 * `config: { csrf: 'always' }` (a forged login signs the victim in as the attacker).
 */
export const csrf = fp(
  async (app: FastifyInstance, options: CsrfOptions) => {
    app.addHook('onRequest', (request, _reply, done) => {
      if (SAFE_METHODS.has(request.method) || request.routeOptions.config.csrf === 'never') return done()
      const guarded =
        request.refreshCookies().length > 0 ||
        options.cookieNames.some(name => request.sentCookies(name).length > 0) ||
        request.routeOptions.config.csrf === 'always'
      if (!guarded || isFromOwnSite(request.headers, options)) return done()
      done(new LatchkeyError('cross_site_request'))
    })
  },
  { name: 'csrf', fastify: '5.x', dependencies: ['sent-cookies'] },
)

/**
 * Whether a request comes from our own pages, from an origin that we trust, or from something that is no browser.
 * Browsers without `Sec-Fetch-Site` send `Origin` with every POST; what sends neither has no cookie that it did not
 * put there itself. `same-site` is not enough: a neighbouring subdomain is another party.
 */
export function isFromOwnSite(
  headers: { 'sec-fetch-site'?: string | string[] | undefined; origin?: string | undefined },
  { publicOrigin, corsOrigins }: Pick<CsrfOptions, 'publicOrigin' | 'corsOrigins'>,
): boolean {
  const { 'sec-fetch-site': fetchSite, origin } = headers
  if (fetchSite === 'same-origin') return true
  if (origin !== undefined && corsOrigins.includes(origin)) return true
  if (fetchSite !== undefined) return false
  return origin === undefined || origin === publicOrigin
}

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * `always` refuses cross-site requests to this route even without a cookie; `never` is for routes that read none,
     * whose credentials no browser adds by itself.
     */
    csrf?: 'always' | 'never'
  }
}
