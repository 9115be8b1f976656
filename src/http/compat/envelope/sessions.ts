import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { profile } from '../../../domain/accounts/profile.js'
import type { AuthContext } from '../../../domain/context.js'
import { logOut } from '../../../domain/sessions/log-out.js'
import { BODY_PROOFS } from '../../../domain/tokens/examine-refresh-token.js'
import { rotateRefreshToken } from '../../../domain/tokens/rotate-refresh-token.js'
import { LatchkeyError } from '../../../lib/errors.js'
import { genuineRefreshToken } from '../../routes/auth/genuine-credentials.js'
import { callerOf, userView } from '../../routes/auth/token-response.js'
import { accessTokenErrors } from '../../schemas.js'
import { spellFields, success } from './answers.js'
import { readFields } from './fields.js'
import type { Format } from './format.js'
import { bodyErrors, failures } from './schemas.js'

/** The routes for a session that is open: refresh, sign out everywhere, read the profile. */
export function addSessionRoutes(
  app: FastifyInstance,
  context: AuthContext,
  { schemas, describe, limitCountedAs, tokensOf, spelling }: Format,
): void {
  const genuine = genuineRefreshToken(context, ({ body }) => [readFields(body, REFRESH).refresh_token])
  const refresh = async (request: FastifyRequest, reply: FastifyReply) => {
    const { refresh_token } = readFields(request.body, REFRESH)
    const grant = await rotateRefreshToken(context, refresh_token, callerOf(request), { proofs: BODY_PROOFS })
    return success(reply, 'refreshed', tokensOf(grant))
  }
  const refreshOptions = {
    config: { ...limitCountedAs('POST /auth/refresh'), genuine },
    schema: describe('envelopeRefresh', 'Exchange the refresh token for new tokens', {
      body: schemas.refresh,
      response: {
        200: schemas.tokens,
        ...failures(
          ...bodyErrors,
          'refresh_token_invalid',
          'refresh_token_unknown',
          'refresh_token_expired',
          'refresh_token_superseded',
          'refresh_token_reused',
          'session_revoked',
          'session_expired',
          'user_disabled',
          'client_required',
          'rate_limited',
          'busy',
        ),
      },
    }),
  }
  app.post('/refresh', refreshOptions, refresh)
  // The name of this route in other older systems.
  app.post('/refresh-token', { ...refreshOptions, schema: { ...refreshOptions.schema, hide: true } }, refresh)

  app.post(
    '/logout',
    {
      config: { revokes: 'for users' },
      schema: describe('envelopeLogOut', 'Revoke all sessions of the user', {
        description: 'Takes the access token in the header, or the refresh token in the body.',
        security: [{}, { bearer: [] }],
        body: schemas.logout,
        response: {
          200: schemas.nothing,
          ...failures(
            ...bodyErrors,
            'authentication_required',
            'live_token_required',
            'token_invalid',
            'token_stale',
            'refresh_token_invalid',
          ),
        },
      }),
    },
    async (request, reply) => {
      const { refresh_token } = readFields(request.body, {}, REFRESH)
      const credentials = {
        accessToken: hasHeader(request) ? request.presentedAccessToken() : undefined,
        refreshTokens: refresh_token === undefined ? [] : [refresh_token],
      }
      await logOut(context, credentials, 'all', callerOf(request))
      return success(reply, 'signed_out', null)
    },
  )

  app.get(
    '/profile',
    {
      onRequest: [requireHeader, app.authenticate],
      schema: describe('envelopeProfile', 'Get the signed-in user', {
        security: [{ bearer: [] }],
        response: { 200: schemas.user, ...failures(...accessTokenErrors) },
      }),
    },
    async (request, reply) => {
      const user = userView(await profile(context, request.principal))
      return success(reply, 'profile', spellFields(user, spelling))
    },
  )
}

const REFRESH = { refresh_token: 'token' } as const

function hasHeader({ headers }: FastifyRequest): boolean {
  return headers.authorization !== undefined
}

async function requireHeader(request: FastifyRequest): Promise<void> {
  if (!hasHeader(request)) throw new LatchkeyError('authentication_required')
}
