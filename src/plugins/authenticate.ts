import fastifyJwt, { type TokenOrHeader } from '@fastify/jwt'
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import type { Keyring } from '../auth/keys/keyring.js'
import type { Principal } from '../auth/principal.js'
import { createAccessTokenVerifier, type SignatureCheck } from '../auth/verify-access-token.js'
import type { Config } from '../config.js'
import type { Activity } from '../ephemeral/activity.js'
import { LatchkeyError } from '../errors.js'
import type { Revocations } from '../revocations/revocations.js'

export interface AuthenticateOptions {
  config: Pick<Config, 'issuer' | 'audience' | 'accessTokenTtlSeconds'>
  keyring: Keyring
  revocations: Revocations
  activity: Activity
  clock(): number
}

/**
 * Who makes a request. @fastify/jwt checks signatures and carries the principal; the domain decides what a good token
 * is. A known token is not checked by @fastify/jwt again: see createAccessTokenVerifier.
 */
export const authenticate = fp(
  async (app: FastifyInstance, { config, keyring, revocations, activity, clock }: AuthenticateOptions) => {
    const verifier = createAccessTokenVerifier({
      issuer: config.issuer,
      audience: config.audience,
      algorithmOf: async kid => (await keyring.forKid(kid, clock()))?.alg,
      revocations,
      clock,
    })
    keyring.onDropped(kid => verifier.dropKey(kid))

    /** The token of a request whose signature is being checked. A property would cost each request, known token or not. */
    const beingChecked = new WeakMap<FastifyRequest, string>()
    await app.register(fastifyJwt, {
      secret: async (_request: FastifyRequest, token: TokenOrHeader) => {
        const { kid } = 'header' in token ? token.header : token
        const key = await keyring.forKid(String(kid), clock())
        if (!key) throw new LatchkeyError('token_invalid')
        return key.publicPem
      },
      decode: { complete: true },
      decoratorName: 'principal',
      verify: {
        algorithms: ['ES256', 'EdDSA', 'RS256'],
        allowedIss: config.issuer,
        allowedAud: config.audience,
        requiredClaims: ['iss', 'aud', 'exp', 'iat', 'jti', 'sub', 'sid', 'client_id'],
        extractToken: request => beingChecked.get(request as FastifyRequest),
        // Both are the domain's to judge, at every call and by the one clock that it was given.
        ignoreExpiration: true,
        ignoreNotBefore: true,
        // The verifier of the domain remembers what was verified, and never past a revocation or a dropped key.
        cache: false,
      },
    })

    const checkSignature =
      (request: FastifyRequest, expected?: ExpectedClaims): SignatureCheck =>
      async token => {
        const { principal } = request
        beingChecked.set(request, token)
        try {
          return await request.jwtVerify(expected)
        } finally {
          // @fastify/jwt leaves the bare claims there. Only `authenticate` says who makes a request.
          request.principal = principal
        }
      }

    function seen(principal: Principal): Principal {
      activity.saw(principal.sessionId, principal.generation)
      return principal
    }

    app.decorateRequest('signatureCheck', function (this: FastifyRequest, expected) {
      return checkSignature(this, expected)
    })
    app.decorateRequest('verifyAccessToken', async function (this: FastifyRequest, token) {
      return seen(await verifier.verify(token, checkSignature(this)))
    })
    app.decorateRequest('identifyAccessToken', function (this: FastifyRequest, token) {
      return verifier.identify(token, checkSignature(this))
    })
    app.decorateRequest('presentedAccessToken', function (this: FastifyRequest) {
      return bearerToken(this.headers.authorization) ?? goodCookie.get(this) ?? this.accessCookies()[0]
    })

    /** Of a request whose access cookie came several times: see sent-cookies.ts. */
    const goodCookie = new WeakMap<FastifyRequest, string>()
    app.addHook('onRequest', (request, _reply, done) => {
      if (request.headers.cookie === undefined || request.headers.authorization !== undefined) return done()
      const cookies = request.accessCookies()
      if (cookies.length < 2) return done()
      findGood(request, cookies).then(() => done(), done)
    })

    /** The latest that is live. If none is, the first one is refused for what is wrong with it. */
    async function findGood(request: FastifyRequest, cookies: readonly string[]): Promise<void> {
      let latest = 0
      for (const token of cookies.slice(0, MAX_ACCESS_COOKIES)) {
        const principal = await verifier.verify(token, checkSignature(request)).catch(() => undefined)
        if (!principal || principal.issuedAt <= latest) continue
        latest = principal.issuedAt
        goodCookie.set(request, token)
      }
    }

    // Clients need no clock of their own: in its last fifth a token says that it is time for the next.
    const lastFifthSeconds = config.accessTokenTtlSeconds / 5
    app.decorateReply('admit', function (this: FastifyReply, principal) {
      this.request.principal = principal
      if (principal.expiresAt - clock() / 1000 <= lastFifthSeconds) this.header('x-token-refresh-required', 'true')
    })

    /** Admits at once who bears a token that is known; nothing on its way waits, not even for a promise. */
    function admitBearer(request: FastifyRequest, reply: FastifyReply): Promise<void> | undefined {
      const token = request.presentedAccessToken()
      if (token === undefined) throw new LatchkeyError('authentication_required')
      const known = verifier.verifyKnown(token)
      if (known) {
        reply.admit(seen(known))
        return undefined
      }
      return request.verifyAccessToken(token).then(principal => reply.admit(principal))
    }

    app.decorate('authenticate', (request, reply, done) => {
      let admitted: Promise<void> | undefined
      try {
        admitted = admitBearer(request, reply)
      } catch (error) {
        return done(error as Error)
      }
      if (admitted) admitted.then(() => done(), done)
      else done()
    })
  },
  { name: 'authenticate', fastify: '5.x', dependencies: ['sent-cookies'] },
)

/** Each costs a signature. */
const MAX_ACCESS_COOKIES = 4

/**
 * RFC 6750, 2.1. The scheme's case does not matter (RFC 9110, 11.1), nor how many spaces follow it; anything else is
 * refused, not ignored. Not trimmed: that would drop bytes which are no white space in a header, and give a token a
 * second spelling. Node drops the spaces and tabs around the whole.
 */
function bearerToken(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined
  if (!authorization.startsWith('Bearer ') && authorization.slice(0, 7).toLowerCase() !== 'bearer ')
    throw new LatchkeyError('token_invalid')
  let start = 'Bearer '.length
  while (authorization[start] === ' ') start++
  return authorization.slice(start)
}

/** What a token of another kind than a user's has to say. */
export interface ExpectedClaims {
  allowedAud: string
  requiredClaims: string[]
}

declare module '@fastify/jwt' {
  interface FastifyJWT {
    user: Principal
  }
}

declare module 'fastify' {
  interface FastifyInstance {
    /** The hook of routes for signed-in users: sets `request.principal`, or refuses with a 401. */
    authenticate: onRequestHookHandler
  }

  interface FastifyReply {
    /** Makes this the principal of the request; the answer says whether their token should be replaced. */
    admit(principal: Principal): void
  }

  interface FastifyRequest {
    /** Set by `authenticate`; null on routes without it. */
    principal: Principal
    /** The access token that came with the request, in its header or, if ACCESS_COOKIE is on, its cookie. */
    presentedAccessToken(): string | undefined
    /** Checks signatures for verifiers of tokens that are not a user's. */
    signatureCheck(expected: ExpectedClaims): SignatureCheck
    /** Who bears a token. Rejects with a LatchkeyError if it is not live. */
    verifyAccessToken(token: string): Promise<Principal>
    /** Who bears a genuine token, be it expired or revoked; to end its own session and nothing else. */
    identifyAccessToken(token: string): Promise<Principal>
  }
}
