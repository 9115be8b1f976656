import fastifyCors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

export interface CorsOptions {
  /** Whole origins (`https://app.example.com`), compared as they are. */
  corsOrigins: readonly string[]
  /** Names of headers that its pages may send besides those that are always allowed. */
  corsHeaders?: readonly string[]
}

/** Lets pages of exactly these origins read our answers. All others, and `null`, get no CORS header at all. */
export const cors = fp(
  async (app: FastifyInstance, { corsOrigins, corsHeaders = [] }: CorsOptions) => {
    if (corsOrigins.length === 0) return
    const allowed = new Set(corsOrigins)
    await app.register(fastifyCors, {
      // Given as a function it also sends `Vary: Origin` with every answer, so that no cache mixes origins up.
      origin: (origin, done) => done(null, origin !== undefined && allowed.has(origin) ? origin : false),
      credentials: true,
      methods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
      allowedHeaders: [...ALWAYS_ALLOWED, ...corsHeaders],
      exposedHeaders: ['X-Token-Refresh-Required', 'Retry-After', 'WWW-Authenticate'],
      maxAge: PREFLIGHT_MAX_AGE_SECONDS,
    })
  },
  { name: 'cors', fastify: '5.x' },
)

/** The last five are added by client libraries and tracers, whether or not we read them. */
const ALWAYS_ALLOWED = [
  'Authorization',
  'Content-Type',
  'X-Requested-With',
  'traceparent',
  'tracestate',
  'baggage',
  'sentry-trace',
]

const PREFLIGHT_MAX_AGE_SECONDS = 600

declare module 'fastify' {
  interface FastifyContextConfig {
    /** False for routes whose answers are not for pages: neither headers nor an answer to preflights. */
    cors?: false
  }
}
