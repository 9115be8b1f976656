import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../../config/config.js'
import { isLoopback } from '../../config/warnings.js'
import { LatchkeyError } from '../../lib/errors.js'
import { originAdvice } from '../origin-advice.js'
import { isFromOwnSite } from './csrf.js'

export interface ForeignOriginsOptions extends Pick<Config, 'publicOrigin' | 'corsOrigins' | 'nodeEnv'> {
  log: Pick<FastifyBaseLogger, 'warn'>
}

/**
 * Handles requests of pages whose origin is neither PUBLIC_ORIGIN nor in CORS_ORIGINS: refuses their preflights, and logs
 * each origin once with the setting that allows it. Register it after CORS, which handles the allowed origins.
 *
 * Outside production it also lets the developer of such a page read why (docs/adr/0019): a browser hides an answer
 * without CORS headers, so the page and the console would only show "Failed to fetch".
 */
export const foreignOrigins = fp(
  async (app: FastifyInstance, options: ForeignOriginsOptions) => {
    const warn = warnOnce(options.log)
    const explains = options.nodeEnv !== 'production'

    app.addHook('onRequest', (request, reply, done) => {
      const { headers, routeOptions } = request
      if (headers.origin === undefined || routeOptions.config.foreignOrigins === 'ignored') return done()
      if (isFromOwnSite(headers, options)) return done()

      const advice = originAdvice(headers, options.publicOrigin)
      // `latchkey doctor` asks for a page that cannot exist (RFC 2606, 2).
      if (advice !== undefined && !headers.origin.endsWith('.invalid')) warn(advice)
      const refusal = new LatchkeyError(
        'cross_site_request',
        explains && advice !== undefined ? { detail: advice } : {},
      )
      const isPreflight = request.method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
      if (explains && isLocalPage(headers)) {
        letPageRead(reply, headers.origin)
        // The browser then sends the request itself, which is refused by the next line.
        if (isPreflight) return void answerPreflight(request, reply)
        return done(refusal)
      }
      done(isPreflight ? refusal : undefined)
    })
  },
  { name: 'foreign-origins', fastify: '5.x' },
)

type Headers = FastifyRequest['headers']

/**
 * Whether a script of a page on this machine sends the request. Only browsers send `Sec-Fetch-Mode`, and a script cannot
 * set it.
 */
function isLocalPage({ origin, 'sec-fetch-mode': mode }: Headers): boolean {
  return mode === 'cors' && URL.canParse(origin!) && isLoopback(new URL(origin!).hostname)
}

/** The answer is a refusal, or an empty preflight: nothing of a user can be read. */
function letPageRead(reply: FastifyReply, origin: string): void {
  reply.headers({
    'access-control-allow-origin': origin,
    // Without it the browser hides the answer to a request with cookies.
    'access-control-allow-credentials': 'true',
    vary: 'Origin',
  })
}

function answerPreflight({ headers }: FastifyRequest, reply: FastifyReply): FastifyReply {
  const wanted = headers['access-control-request-headers']
  return reply
    .code(204)
    .headers({
      'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
      ...(wanted !== undefined && { 'access-control-allow-headers': wanted }),
      // Not cached: the next start may allow the origin, or have production's rules.
      'access-control-max-age': '0',
    })
    .send()
}

/** The client chooses the origin, so the number of origins that are remembered and logged in an hour is limited. */
const MAX_ORIGINS = 100
const FORGET_AFTER_MS = 3_600_000

function warnOnce(log: Pick<FastifyBaseLogger, 'warn'>, now: () => number = Date.now) {
  const warned = new Set<string>()
  let since = now()
  return (advice: string) => {
    if (warned.size >= MAX_ORIGINS && now() - since > FORGET_AFTER_MS) {
      warned.clear()
      since = now()
    }
    if (warned.size >= MAX_ORIGINS || warned.has(advice)) return
    warned.add(advice)
    log.warn(`A page of another origin cannot use this service. ${advice} (Logged once for each origin.)`)
  }
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `ignored` on the routes for gateways, whose requests carry the origin of the gateway's client. */
    foreignOrigins?: 'ignored'
  }
}
