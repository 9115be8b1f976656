import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { AuthContext } from '../../../domain/context.js'
import { hashOfToken, readOneTimeToken } from '../../../domain/letters/one-time-token.js'
import { resetPassword } from '../../../domain/passwords/password-reset.js'
import type { GenuineCredential } from '../../plugins/rate-limit.js'
import { bodyOf, errorResponses, newPasswordErrors, Type, tokenResponseSchema } from '../../schemas.js'
import { bodyAliases } from './body-aliases.js'
import { examples } from './sign-in-examples.js'
import { endStolenSessions, signInFields } from './sign-in-fields.js'
import { callerOf, replyWithTokens } from './token-response.js'

/** Sets a new password with a one-time token, for users who forgot theirs. */
export const resetPasswordRoutes: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  const { password, transport, remember } = signInFields(context.config)
  const genuine: GenuineCredential = {
    // Counted by the token, not by its user: a person who finds an old token must not use up the attempts of the next one.
    holder(request) {
      const body = request.body as { token: string } | undefined
      const token = readOneTimeToken(context.secrets, 'password_reset', body?.token ?? '')
      return token && `reset:${hashOfToken(token).toString('base64url')}`
    },
  }

  app.post(
    '/auth/reset-password',
    {
      config: { ...app.limits.perAddress, genuine, csrf: 'always', revokes: 'for users' },
      preValidation: bodyAliases({ newPassword: 'new_password' }),
      preHandler: endStolenSessions(context),
      schema: {
        operationId: 'resetPassword',
        summary: 'Set a new password with a one-time token and sign in with it',
        description:
          'Revokes every session of the account and opens a new one. If the new password is refused, the token remains ' +
          'valid.',
        tags: ['Sign in'],
        documented: { headers: { 200: ['Set-Cookie'] }, examples: examples.resetPassword },
        body: bodyOf({
          token: Type.String({
            minLength: 1,
            maxLength: 256,
            description: 'The token from the letter that the user got.',
          }),
          new_password: password,
          transport,
          remember,
        }),
        response: {
          200: tokenResponseSchema,
          ...errorResponses(
            'invalid_request',
            'reset_token_invalid',
            'cross_site_request',
            ...newPasswordErrors,
            'rate_limited',
            'busy',
            'store_unavailable',
          ),
        },
      },
    },
    async (request, reply) => {
      const { token, new_password, transport = context.config.defaultTransport, remember } = request.body
      const reset = { token, newPassword: new_password, transport, remember, deviceCookie: request.deviceCookie() }
      const grant = await resetPassword(context, reset, callerOf(request))
      return replyWithTokens(reply, grant, transport)
    },
  )
}
