import fastifyJwt, { type TokenOrHeader } from '@fastify/jwt'
import type { Principal } from '@latchkey/verifier/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { AuthContext } from '../../domain/context.js'
import { verifyAccessToken } from '../../domain/tokens/verify-access-token.js'
import { LatchkeyError } from '../../lib/errors.js'

export interface AuthenticateOptions {
  context: Pick<AuthContext, 'accessTokens' | 'activity' | 'clock' | 'config' | 'keyring'>
}

/**
 * Finds the access token of a request and sets `request.principal` to its principal. The domain verifies the token
 * (src/domain/tokens/verify-access-token.ts).
 */
export const authenticate = fp(
  async (app: FastifyInstance, { context }: AuthenticateOptions) => {
    const { accessTokens, clock, config } = context
    await registerJwt(app, context)

    app.decorateRequest('presentedAccessToken', function (this: FastifyRequest) {
      return bearerToken(this.headers.authorization) ?? validCookies.get(this) ?? this.accessCookies()[0]
    })

    /** For requests with several access cookies (see sent-cookies.ts): the one to use. */
    const validCookies = new WeakMap<FastifyRequest, string>()
    app.addHook('onRequest', (request, _reply, done) => {
      if (request.headers.cookie === undefined || request.headers.authorization !== undefined) return done()
      const cookies = request.accessCookies()
      if (cookies.length < 2) return done()
      newestValidToken(accessTokens, cookies).then(token => {
        if (token !== undefined) validCookies.set(request, token)
        done()
      }, done)
    })

    // Tells clients to refresh in the last fifth of the token's lifetime, so that they need no clock.
    const lastFifthSeconds = config.accessTokenTtlSeconds / 5
    app.decorateReply('setPrincipal', function (this: FastifyReply, principal) {
      this.request.principal = principal
      if (principal.expiresAt - clock() / 1000 <= lastFifthSeconds) this.header('x-token-refresh-required', 'true')
    })

    /** Synchronous for a token that is in the cache: then the request does not even wait for a promise. */
    function verifyPresentedToken(request: FastifyRequest, reply: FastifyReply): Promise<void> | undefined {
      const token = presentedToken(request)
      const known = accessTokens.verifyKnown(token)
      if (known) {
        context.activity.record(known.sessionId, known.generation)
        reply.setPrincipal(known)
        return undefined
      }
      return verifyAccessToken(context, token).then(principal => reply.setPrincipal(principal))
    }

    app.decorate('authenticate', (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => {
      let verified: Promise<void> | undefined
      try {
        verified = verifyPresentedToken(request, reply)
      } catch (error) {
        return done(error as Error)
      }
      if (verified) verified.then(() => done(), done)
      else done()
    })
  },
  { name: 'authenticate', fastify: '5.x', dependencies: ['sent-cookies'] },
)

/**
 * Registers @fastify/jwt, which declares `request.principal` and provides `request.jwtVerify()` to applications that
 * embed the service. It answers as `authenticate` does: revoked and expired tokens are refused.
 */
async function registerJwt(
  app: FastifyInstance,
  { accessTokens, clock, config, keyring }: AuthenticateOptions['context'],
) {
  const principals = new WeakMap<object, Principal>()
  await app.register(fastifyJwt, {
    decoratorName: 'principal',
    decode: { complete: true },
    secret: async (_request: FastifyRequest, token: TokenOrHeader) => {
      const { kid } = 'header' in token ? token.header : token
      const key = await keyring.forKid(String(kid), clock())
      if (!key) throw new LatchkeyError('token_invalid')
      return key.publicPem
    },
    verify: {
      algorithms: ['ES256', 'EdDSA', 'RS256'],
      allowedIss: config.issuer,
      allowedAud: config.audience,
      cache: false,
      extractToken: request => presentedToken(request as FastifyRequest),
      // The domain checks both, with its own clock.
      ignoreExpiration: true,
      ignoreNotBefore: true,
    },
    trusted: async (request, claims) => {
      principals.set(claims as object, await accessTokens.verify(presentedToken(request)))
      return true
    },
    formatUser: claims => principals.get(claims as object)!,
  })
}

function presentedToken(request: FastifyRequest): string {
  const token = request.presentedAccessToken()
  if (token === undefined) throw new LatchkeyError('authentication_required')
  return token
}

/**
 * Chooses the newest valid access token of several cookies. Undefined if none is valid: then the request is refused with
 * the error of the first one.
 */
export async function newestValidToken(
  accessTokens: Pick<AuthContext['accessTokens'], 'verify'>,
  cookies: readonly string[],
): Promise<string | undefined> {
  let latest = 0
  let newest: string | undefined
  for (const token of cookies.slice(0, MAX_ACCESS_COOKIES)) {
    const principal = await accessTokens.verify(token).catch(() => undefined)
    if (!principal || principal.issuedAt <= latest) continue
    latest = principal.issuedAt
    newest = token
  }
  return newest
}

/** Verifying each one costs a signature check. */
const MAX_ACCESS_COOKIES = 4

/**
 * RFC 6750, 2.1. The scheme is case-insensitive (RFC 9110, 11.1), and any number of spaces can follow it; everything else
 * is refused, not ignored. The token is not trimmed: `trim` also removes bytes that are not white space in a header, which
 * would give a token a second spelling. Node has already removed spaces and tabs around the value.
 */
export function bearerToken(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined
  if (!authorization.startsWith('Bearer ') && authorization.slice(0, 7).toLowerCase() !== 'bearer ')
    throw new LatchkeyError('token_invalid')
  let start = 'Bearer '.length
  while (authorization[start] === ' ') start++
  return authorization.slice(start)
}

declare module '@fastify/jwt' {
  interface FastifyJWT {
    user: Principal
  }
}

declare module 'fastify' {
  interface FastifyInstance {
    /** The hook of routes for signed-in users: sets `request.principal`, or refuses with 401. */
    authenticate(request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void
  }

  interface FastifyReply {
    /** Sets the principal of the request, and the header that asks for a refresh if the token expires soon. */
    setPrincipal(principal: Principal): void
  }

  interface FastifyRequest {
    /** Set by `authenticate`; null on routes without it. */
    principal: Principal
    /** The access token of the request: from its header or, if ACCESS_COOKIE is on, its cookie. */
    presentedAccessToken(): string | undefined
  }
}

/**
 * Verifies the access token again after the body has arrived. A body can arrive late, and a session that was revoked in
 * the meantime must not complete a request that began before.
 */
export const recheckAfterBody = fp(
  async (app: FastifyInstance, { context }: { context: AuthContext }) => {
    app.addHook('preHandler', async request => {
      if (request.principal === null || request.body === undefined) return
      const token = request.presentedAccessToken()
      if (token !== undefined) await verifyAccessToken(context, token)
    })
  },
  { name: 'recheck-after-body', fastify: '5.x', dependencies: ['authenticate'] },
)
