import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../../config/config.js'
import { LatchkeyError } from '../../lib/errors.js'
import { originAdvice } from '../origin-advice.js'

export interface CsrfOptions {
  /** The origin of this service as browsers see it. */
  publicOrigin: string
  /** Other origins whose pages can send credentials. */
  corsOrigins: readonly string[]
  /** The cookies, in addition to refresh tokens, with which a request acts for a signed-in or known browser. */
  cookieNames: readonly string[]
  /** In production the refusal does not name the setting. */
  nodeEnv: Config['nodeEnv']
}

/**
 * Refuses state-changing requests from pages of other sites if they carry one of our cookies, or if the route has
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
      const detail = options.nodeEnv === 'production' ? undefined : originAdvice(request.headers, options.publicOrigin)
      done(new LatchkeyError('cross_site_request', detail === undefined ? {} : { detail }))
    })
  },
  { name: 'csrf', fastify: '5.x', dependencies: ['sent-cookies'] },
)

/**
 * Whether a request comes from our own pages, from a trusted origin, or from a client that is not a browser. Browsers
 * without `Sec-Fetch-Site` send `Origin` with every POST; a client that sends neither adds its cookies itself.
 * `same-site` is not enough: another subdomain can belong to another party.
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

export const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * `always` refuses cross-site requests to this route even without a cookie. `never` is for routes that read no
     * cookie: a browser does not add their credentials by itself.
     */
    csrf?: 'always' | 'never'
  }
}
