import fastifyRateLimit, { type FastifyRateLimitStore } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../../config/config.js'
import { type Concerns, LatchkeyError } from '../../lib/errors.js'
import { clientAddress } from '../../lib/ip-address.js'
import { type Counters, createCountersWithFallback, rateLimited } from '../../redis/counters.js'
import { hasBody } from './request-guard.js'

export interface RateLimitPluginOptions {
  ephemeral: Counters
  rateLimit: Omit<Config['rateLimit'], 'lettersPerAddressPerHour'>
}

/** How a route recognises a request with a genuine credential. */
export interface GenuineCredential {
  /**
   * The holder of the credential (`session:<id>`), which is counted by itself at each address. Undefined, or rejected with
   * a LatchkeyError, if there is none: then the request is counted by its address.
   *
   * The credential must only allow attempts on its own holder, and the holder must not change after each attempt:
   * otherwise the limit could be evaded. If there is a body, it has passed the schema of the route.
   */
  holder(request: FastifyRequest): string | undefined | Promise<string | undefined>
  /** Whether the body is needed to find the holder, if there is a body. By default it is. */
  inBody?(request: FastifyRequest): boolean
  /**
   * What the refusal calls the holder (`one session`). Without it, the refusal names the address: where it must not show
   * whether there is a holder.
   */
  holderName?: string
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Requests per minute from one address, without a genuine credential or with the same one. */
    maxPerMinute?: number
    /** Requests with this credential are counted by it, so that a flood from the same address does not block them. */
    genuine?: GenuineCredential
    /** The route (`POST /auth/login`) with which this one is counted together, because both do the same. */
    countsAs?: string
  }

  interface FastifyInstance {
    /** A route spreads one of these into its `config` to be limited. Each route is counted by itself. */
    limits: {
      /** The limit for requests of users: `config: { ...app.limits.perAddress }`. */
      readonly perAddress: { readonly maxPerMinute?: number }
      /** The limit for other services: each address makes the requests of many users. */
      readonly perService: { readonly maxPerMinute?: number }
      /** The limit for requests of users that read very much. */
      readonly expensive: { readonly maxPerMinute?: number }
    }
  }
}

/**
 * Limits the routes that have `maxPerMinute` and are registered later. A request counts once: by its genuine credential,
 * otherwise by its address. Above the limit it throws `rate_limited`: before the body is read, unless the body can contain
 * the credential.
 */
export const rateLimit = fp(registerRateLimit, { fastify: '5.x', name: 'latchkey-rate-limit' })

async function registerRateLimit(app: FastifyInstance, { ephemeral, rateLimit }: RateLimitPluginOptions) {
  if (!rateLimit.enabled) {
    app.decorate('limits', { perAddress: {}, perService: {}, expensive: {} })
    return
  }
  await app.register(fastifyRateLimit, {
    global: false,
    store: storeOver(createCountersWithFallback(ephemeral)),
    timeWindow: 60_000,
    // The error handler writes Retry-After from the error. The count is not published.
    addHeaders: { ...noHeaders, 'retry-after': false },
    addHeadersOnExceeding: noHeaders,
  })
  app.addHook('onRoute', route => limitRoute(app, route))
  app.decorate('limits', {
    perAddress: { maxPerMinute: rateLimit.perAddressPerMinute },
    perService: { maxPerMinute: rateLimit.perAddressPerMinute * USERS_PER_SERVICE },
    expensive: { maxPerMinute: Math.ceil(rateLimit.perAddressPerMinute / COST_OF_EXPENSIVE) },
  })
}

const USERS_PER_SERVICE = 20
/** With the default of RATE_LIMIT_PER_ADDRESS, ten a minute. */
const COST_OF_EXPENSIVE = 30

const noHeaders = { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false }

function limitRoute(app: FastifyInstance, route: RouteOptions): void {
  const { maxPerMinute, genuine, countsAs = `${route.method} ${route.url}` } = route.config ?? {}
  if (maxPerMinute === undefined) return
  const holders = new WeakMap<FastifyRequest, string>()
  // Counts a request once, even if it is called again for the same request.
  const count = app.rateLimit({
    max: maxPerMinute,
    errorResponseBuilder(request, { ttl }) {
      const holder = holders.get(request)
      const from = (holder !== undefined && genuine?.holderName) || 'one address'
      const limit = `At most ${maxPerMinute} requests per minute from ${from} to ${countsAs}.`
      return rateLimited(limit, ttl, concernsOf(holder))
    },
    keyGenerator: async request => {
      const address = clientAddress(request.ip)
      const holder = await holderOf(request, genuine)
      if (holder !== undefined) holders.set(request, holder)
      return holder === undefined ? `${countsAs}:${address}` : `${countsAs}:${holder} ${address}`
    },
  })
  const waits = (request: FastifyRequest) =>
    genuine !== undefined && hasBody(request.headers) && (genuine.inBody?.(request) ?? true)

  route.onRequest = [
    ...listOf(route.onRequest),
    async function (request, reply) {
      if (!waits(request)) await count.call(this, request, reply)
    },
  ]
  // After the hooks that replace aliases in the body, and before an invalid body is refused without being counted.
  if (genuine) route.preValidation = [...listOf(route.preValidation), count]
}

async function holderOf(request: FastifyRequest, genuine: GenuineCredential | undefined): Promise<string | undefined> {
  if (request.body !== undefined && !request.validateInput(request.body, 'body')) return undefined
  try {
    return await genuine?.holder(request)
  } catch (error) {
    if (error instanceof LatchkeyError && error.status < 500) return undefined
    throw error
  }
}

/** For the log: a holder is `session:<id>`, `user:<id>` or `client:<id>`. */
function concernsOf(holder = ''): Concerns {
  const [kind, id] = holder.split(':', 2)
  return { [`${kind}Id`]: id }
}

function listOf<Hook>(hooks: Hook | Hook[] | undefined): Hook[] {
  return hooks === undefined ? [] : Array.isArray(hooks) ? hooks : [hooks]
}

/** The counters as a store of @fastify/rate-limit. */
function storeOver(counters: Counters) {
  return class CounterStore implements FastifyRateLimitStore {
    incr(
      counter: string,
      callback: (error: Error | null, result?: { current: number; ttl: number }) => void,
      timeWindow: number,
    ): void {
      counters.hit(counter, timeWindow).then(
        ({ count, resetsInMs }) => callback(null, { current: count, ttl: resetsInMs }),
        (error: Error) => callback(error),
      )
    }

    /** The plugin makes a store for each route. Our counters have the route in their names. */
    child(): this {
      return this
    }
  }
}
