import fastifyCors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

export interface CorsOptions {
  /** Complete origins (`https://app.example.com`), compared exactly. */
  corsOrigins: readonly string[]
  /** Names of request headers that are allowed in addition to those that always are. */
  corsHeaders?: readonly string[]
}

/** Lets pages of exactly these origins read our answers. All other origins, and `null`, get no CORS header. */
export const cors = fp(
  async (app: FastifyInstance, { corsOrigins, corsHeaders = [] }: CorsOptions) => {
    if (corsOrigins.length === 0) return
    const allowed = new Set(corsOrigins)
    await app.register(fastifyCors, {
      // A function, so that the plugin sends `Vary: Origin` with every answer and no cache mixes up origins.
      origin: (origin, done) => done(null, origin !== undefined && allowed.has(origin) ? origin : false),
      credentials: true,
      // A request with OPTIONS that is no preflight is answered like one, not with 400.
      strictPreflight: false,
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
      allowedHeaders: [...ALWAYS_ALLOWED, ...corsHeaders],
      exposedHeaders: EXPOSED,
      maxAge: PREFLIGHT_MAX_AGE_SECONDS,
    })
  },
  { name: 'cors', fastify: '5.x' },
)

const EXPOSED = [
  'X-Request-Id',
  'X-Token-Refresh-Required',
  'Retry-After',
  'WWW-Authenticate',
  'Preference-Applied',
  'Revocation-Receipt',
]

/** Client libraries and tracers add the last five, whether we read them or not. */
const ALWAYS_ALLOWED = [
  'Authorization',
  'Content-Type',
  'Prefer',
  'X-Requested-With',
  'traceparent',
  'tracestate',
  'baggage',
  'sentry-trace',
]

const PREFLIGHT_MAX_AGE_SECONDS = 600

declare module 'fastify' {
  interface FastifyContextConfig {
    /** False for routes whose answers are not for pages: no CORS headers and no answer to preflights. */
    cors?: false
  }
}
