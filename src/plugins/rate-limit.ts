import fastifyRateLimit, { type FastifyRateLimitStore, type RateLimitOptions } from '@fastify/rate-limit'
import type { FastifyInstance, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config.js'
import type { Counters } from '../ephemeral/counters.js'
import { createLastingCounters } from '../ephemeral/lasting-counters.js'
import { LatchkeyError } from '../errors.js'
import { clientAddress } from './client-address.js'

export interface RateLimitPluginOptions {
  ephemeral: Counters
  rateLimit: Config['rateLimit']
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route (`POST /auth/login`) that this one counts together with, because it is another way to the same. */
    countsAs?: string
  }

  interface FastifyInstance {
    /** What a route spreads into its `config` to be limited; each route counts by itself. */
    limits: {
      /** So many requests a minute from one address: `config: { ...app.limits.perAddress }`. */
      readonly perAddress: { readonly rateLimit?: RateLimitOptions }
      /** The same for other services, of which each address makes the requests of many people. */
      readonly perService: { readonly rateLimit?: RateLimitOptions }
    }
  }
}

/**
 * Limits the routes that ask for it, and only those that are registered after it. Beyond the limit it throws
 * `rate_limited` before a body is read.
 */
export const rateLimit = fp(registerRateLimit, { fastify: '5.x', name: 'latchkey-rate-limit' })

async function registerRateLimit(app: FastifyInstance, { ephemeral, rateLimit }: RateLimitPluginOptions) {
  if (!rateLimit.enabled) {
    app.decorate('limits', { perAddress: {}, perService: {} })
    return
  }
  await app.register(fastifyRateLimit, {
    global: false,
    store: storeOver(createLastingCounters(ephemeral)),
    keyGenerator: request => clientAddress(request.ip),
    errorResponseBuilder: (_request, { ttl }) =>
      new LatchkeyError('rate_limited', { retryAfterSeconds: Math.max(1, Math.ceil(ttl / 1000)) }),
    // The error handler writes Retry-After from the error; the count is nobody's business.
    addHeaders: { ...noHeaders, 'retry-after': false },
    addHeadersOnExceeding: noHeaders,
  })
  app.decorate('limits', {
    perAddress: { rateLimit: { max: rateLimit.perAddressPerMinute, timeWindow: 60_000 } },
    perService: { rateLimit: { max: rateLimit.perAddressPerMinute * PEOPLE_PER_SERVICE, timeWindow: 60_000 } },
  })
}

const PEOPLE_PER_SERVICE = 20

const noHeaders = { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false }

/** The plugin makes its store from a class, and from that one more for each route that is limited. */
function storeOver(counters: Counters) {
  return class CounterStore implements FastifyRateLimitStore {
    route = 'any'

    incr(
      address: string,
      callback: (error: Error | null, result?: { current: number; ttl: number }) => void,
      timeWindow: number,
    ): void {
      counters.hit(`${this.route}:${address}`, timeWindow).then(
        ({ count, resetsInMs }) => callback(null, { current: count, ttl: resetsInMs }),
        (error: Error) => callback(error),
      )
    }

    child(options: object): CounterStore {
      // The plugin's types promise the route itself here; it hands over its settings, with the route in them.
      const { routeInfo } = options as { routeInfo: RouteOptions }
      const store = new CounterStore()
      store.route = routeInfo.config?.countsAs ?? `${routeInfo.method} ${routeInfo.url}`
      return store
    }
  }
}
