import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AuthContext } from '../../../domain/context.js'
import { type LogoutScope, logOut } from '../../../domain/sessions/log-out.js'
import { chooseRefreshToken } from '../../../domain/tokens/examine-refresh-token.js'
import { refreshWithoutRotating } from '../../../domain/tokens/refresh-without-rotating.js'
import { rotateRefreshToken } from '../../../domain/tokens/rotate-refresh-token.js'
import { type ErrorCode, fieldError, LatchkeyError } from '../../../lib/errors.js'
import { toLatchkeyError } from '../../errors/to-latchkey-error.js'
import { missingCookieAdvice } from '../../origin-advice.js'
import { recordConcerns } from '../../request-facts.js'
import { errorResponses, optionalBodyOf, Type, tokenResponseSchema } from '../../schemas.js'
import { bodyAliases } from './body-aliases.js'
import { genuineRefreshToken } from './genuine-credentials.js'
import { examples } from './sign-in-examples.js'
import { callerOf, replyWithAccessToken, replyWithTokens, type Transport } from './token-response.js'

const aliases = bodyAliases({ refreshToken: 'refresh_token' })
const refreshToken = Type.Optional(Type.String({ minLength: 1, maxLength: 1024 }))
const ticket = Type.String({
  minLength: 1,
  maxLength: 64,
  description: 'The ticket from `refresh_token_superseded`, if you send the same token again.',
})
const rotate = Type.Boolean({
  description:
    'By default true. `false` returns an access token only: no refresh token, no cookie and no ticket. The refresh token stays valid. ' +
    'For server-side code that cannot set cookies.',
})

/** Refresh and sign out. */
export const refreshRoutes: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  const genuine = {
    ...genuineRefreshToken(context, request => {
      const body = request.body as { refresh_token?: string } | undefined
      return presentedRefreshTokens(request, body?.refresh_token).tokens
    }),
    inBody: (request: FastifyRequest) => request.refreshCookies().length === 0,
  }

  app.post(
    '/auth/refresh',
    {
      config: { ...app.limits.perAddress, genuine },
      errorHandler: setTicketOrClearCookies,
      preValidation: aliases,
      schema: {
        operationId: 'refreshTokens',
        summary: 'Exchange the refresh token for new tokens',
        description:
          'The refresh token is in the cookie, which a browser sends by itself, or in the body. The same token sent again returns the same successor. ' +
          'A token that was replaced earlier is refused with `refresh_token_superseded` and a ticket, and the session ' +
          'continues: send the newer token. A request with the same token and its ticket means that the client has no ' +
          'newer token, and revokes the session. Sessions that a client opened are refreshed only at `/oauth/token`. ' +
          'With `"rotate": false` the answer is an access token without a refresh token; nothing is rotated, no cookie ' +
          'is set or cleared, and no number of such requests ends a session.',
        tags: ['Sign in'],
        security: [{ cookie: [] }, {}],
        documented: { headers: { 200: ['Set-Cookie'], 401: ['Set-Cookie'] }, examples: examples.refresh },
        body: optionalBodyOf({
          refresh_token: refreshToken,
          ticket: Type.Optional(ticket),
          rotate: Type.Optional(rotate),
        }),
        response: {
          200: tokenResponseSchema,
          ...errorResponses(
            'invalid_request',
            'ambiguous_credentials',
            'cross_site_request',
            'rate_limited',
            'refresh_token_missing',
            'refresh_token_invalid',
            'refresh_token_unknown',
            'refresh_token_expired',
            'refresh_token_superseded',
            'refresh_token_reused',
            'session_revoked',
            'session_expired',
            'user_disabled',
            'client_required',
            'store_unavailable',
            'busy',
          ),
        },
      },
    },
    async (request, reply) => {
      const { tokens, transport } = presentedRefreshTokens(request, request.body?.refresh_token)
      const token = await chooseRefreshToken(context, tokens)
      if (token === undefined) {
        const detail = missingCookieAdvice(request.headers, context.config)
        throw new LatchkeyError('refresh_token_missing', detail === undefined ? {} : { detail })
      }
      const mark = request.refreshMark(token)
      if (request.body?.rotate === false)
        return replyWithAccessToken(reply, await refreshWithoutRotating(context, token, mark, callerOf(request)))
      const inBody = transport === 'body'
      const tickets = inBody ? [request.body?.ticket ?? []].flat() : request.supersededTickets()
      const grant = await rotateRefreshToken(context, token, callerOf(request), { proofs: { mark, tickets, inBody } })
      return replyWithTokens(reply, grant, transport)
    },
  )

  app.post(
    '/auth/logout',
    {
      config: { revokes: 'for users' },
      errorHandler: clearCookiesOfEndedSession,
      preValidation: aliases,
      schema: {
        operationId: 'logOut',
        summary: 'Sign out of this session, the others, or all',
        description:
          'Takes the access token or the refresh token. Clears the cookie after the revocation is committed.',
        tags: ['Sign in'],
        security: [{ cookie: [] }, { bearer: [] }, {}],
        documented: { headers: { 204: ['Set-Cookie'], 401: ['Set-Cookie'] }, examples: examples.logOut },
        body: optionalBodyOf({
          scope: Type.Optional(Type.Union([Type.Literal('session'), Type.Literal('others'), Type.Literal('all')])),
          refresh_token: refreshToken,
        }),
        response: {
          204: Type.Null({ description: 'The sessions are revoked.' }),
          ...errorResponses(
            'invalid_request',
            'ambiguous_credentials',
            'cross_site_request',
            'store_unavailable',
            'authentication_required',
            'live_token_required',
            'token_invalid',
            'token_stale',
            'refresh_token_invalid',
          ),
        },
      },
    },
    async (request, reply) => {
      const scope: LogoutScope = request.body?.scope ?? context.config.logoutScope
      const credentials = {
        accessToken: request.presentedAccessToken(),
        refreshTokens: presentedRefreshTokens(request, request.body?.refresh_token).tokens,
      }
      recordConcerns(request, (await logOut(context, credentials, scope, callerOf(request))) ?? {})
      if (scope !== 'others') reply.clearRefreshCookie().clearAccessCookie()
      return reply.code(204).header('Cache-Control', 'no-store').send(null)
    },
  )

  /** Sends the ticket of a superseded token: to browsers as a cookie, to other clients in the body. */
  function setTicketOrClearCookies(thrown: Error, request: FastifyRequest, reply: FastifyReply): never {
    const body = request.body as { rotate?: unknown } | null | undefined
    if (body?.rotate === false) throw thrown
    const { code, ticket, concerns } = toLatchkeyError(thrown)
    if (code !== 'refresh_token_superseded' || ticket === undefined || request.refreshCookies().length === 0)
      return clearCookiesOfEndedSession(thrown, request, reply)
    reply.setTicketCookie(ticket, context.config.refreshTokenTtlSeconds)
    throw new LatchkeyError(code, { concerns })
  }
}

/**
 * Clears the cookies if the error means that their session has ended: otherwise a browser would send them for weeks.
 * After any other error they remain, because the session continues.
 */
function clearCookiesOfEndedSession(thrown: Error, request: FastifyRequest, reply: FastifyReply): never {
  if (request.refreshCookies().length > 0 && SESSION_ENDED.has(toLatchkeyError(thrown).code))
    reply.clearRefreshCookie().clearAccessCookie()
  throw thrown
}

const SESSION_ENDED: ReadonlySet<ErrorCode> = new Set([
  'refresh_token_invalid',
  'refresh_token_expired',
  'refresh_token_reused',
  'session_revoked',
  'session_expired',
])

function presentedRefreshTokens(
  request: FastifyRequest,
  inBody: string | undefined,
): { tokens: readonly string[]; transport: Transport } {
  const inCookies = request.refreshCookies()
  if (inBody === undefined) return { tokens: inCookies, transport: 'cookie' }
  if (inCookies.length > 0)
    throw fieldError('ambiguous_credentials', 'refresh_token', 'cannot be sent together with the refresh cookie')
  return { tokens: [inBody], transport: 'body' }
}
