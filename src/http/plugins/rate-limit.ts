import fastifyRateLimit, { type FastifyRateLimitStore } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import ipaddr from 'ipaddr.js'
import type { Config } from '../../config/config.js'
import { LatchkeyError } from '../../lib/errors.js'
import { readIpAddress } from '../../lib/ip-address.js'
import { type Counters, createCountersWithFallback } from '../../redis/counters.js'
import { hasBody } from './request-guard.js'

export interface RateLimitPluginOptions {
  ephemeral: Counters
  rateLimit: Config['rateLimit']
}

/** How a route knows a request that carries a genuine credential. */
export interface GenuineCredential {
  /**
   * Whose it is (`session:<id>`): that is counted by itself at each address. Undefined, or rejected with a refusal, when
   * there is none: then the request counts for the address alone.
   *
   * It may be used for attempts on what it names and on nothing else, and must not name something else after each of
   * them: both would be a way around the limit. A body that it finds has passed the schema of the route.
   */
  holder(request: FastifyRequest): string | undefined | Promise<string | undefined>
  /** Whether only the body can tell, if there is one; by default it is so. */
  inBody?(request: FastifyRequest): boolean
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** How many requests a minute may come from one address without a genuine credential, or with one and the same. */
    maxPerMinute?: number
    /** What is counted by itself instead of with its address, where a flood of others would shut it out. */
    genuine?: GenuineCredential
    /** The route (`POST /auth/login`) that this one counts together with, because it is another way to the same. */
    countsAs?: string
  }

  interface FastifyInstance {
    /** What a route spreads into its `config` to be limited; each route counts by itself. */
    limits: {
      /** The limit for requests of people: `config: { ...app.limits.perAddress }`. */
      readonly perAddress: { readonly maxPerMinute?: number }
      /** The same for other services, of which each address makes the requests of many people. */
      readonly perService: { readonly maxPerMinute?: number }
    }
  }
}

/**
 * Limits the routes that ask for it, and only those that are registered after it. A request counts once: by the genuine
 * credential that it carries, else by its address. Beyond the limit it throws `rate_limited`: before the body is read,
 * unless the body may hold the credential.
 */
export const rateLimit = fp(registerRateLimit, { fastify: '5.x', name: 'latchkey-rate-limit' })

async function registerRateLimit(app: FastifyInstance, { ephemeral, rateLimit }: RateLimitPluginOptions) {
  if (!rateLimit.enabled) {
    app.decorate('limits', { perAddress: {}, perService: {} })
    return
  }
  await app.register(fastifyRateLimit, {
    global: false,
    store: storeOver(createCountersWithFallback(ephemeral)),
    timeWindow: 60_000,
    errorResponseBuilder: (_request, { ttl }) =>
      new LatchkeyError('rate_limited', { retryAfterSeconds: Math.max(1, Math.ceil(ttl / 1000)) }),
    // The error handler writes Retry-After from the error; the count is nobody's business.
    addHeaders: { ...noHeaders, 'retry-after': false },
    addHeadersOnExceeding: noHeaders,
  })
  app.addHook('onRoute', route => limitRoute(app, route))
  app.decorate('limits', {
    perAddress: { maxPerMinute: rateLimit.perAddressPerMinute },
    perService: { maxPerMinute: rateLimit.perAddressPerMinute * USERS_PER_SERVICE },
  })
}

const USERS_PER_SERVICE = 20

const noHeaders = { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false }

function limitRoute(app: FastifyInstance, route: RouteOptions): void {
  const { maxPerMinute, genuine, countsAs = `${route.method} ${route.url}` } = route.config ?? {}
  if (maxPerMinute === undefined) return
  // Counts a request once, however often it is called for it.
  const count = app.rateLimit({
    max: maxPerMinute,
    keyGenerator: async request => {
      const address = clientAddress(request.ip)
      const holder = await holderOf(request, genuine)
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
  // Behind the hooks that give its fields the names of ours, and before a body that does not fit is refused uncounted.
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

function listOf<Hook>(hooks: Hook | Hook[] | undefined): Hook[] {
  return hooks === undefined ? [] : Array.isArray(hooks) ? hooks : [hooks]
}

/** What @fastify/rate-limit counts with. */
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

    /** The plugin has a store for each route. Our counters have the route in their names. */
    child(): this {
      return this
    }
  }
}

/**
 * The part of a client's address that limits go by. An IPv6 client is its /64, because every household and every rented
 * server has a whole one to choose addresses from. What is no address at all shares one name.
 *
 * @param ip - as a socket or a trusted proxy names it. Undefined when the client has gone.
 */
export function clientAddress(ip: string | undefined): string {
  const address = readIpAddress(ip ?? '')
  if (!address) return 'unknown'
  if (address instanceof ipaddr.IPv4) return address.toString()
  const network = address.parts.slice(0, 4).map(part => part.toString(16))
  return `${network.join(':')}::/64`
}
