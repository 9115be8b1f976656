import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { changePassword } from '../auth/change-password.js'
import type { AuthContext } from '../auth/context.js'
import { logIn } from '../auth/log-in.js'
import { register } from '../auth/register.js'
import { LatchkeyError } from '../errors.js'
import { bodyOf, errorResponses, Type, tokenResponseSchema } from '../plugins/schemas.js'
import { olderSpellings } from './older-spellings.js'
import { callerOf, replyWithTokens } from './token-response.js'

// Long enough for any address and any password; the domain says what is too long, and why.
// Bytes that are no UTF-8 arrive as U+FFFD, whatever they were, and half a surrogate pair would be stored as one: two
// names or two passwords would be the same. Postgres keeps no NUL in a text.
const name = Type.String({ minLength: 1, maxLength: 320, pattern: '^[^\\u0000\\uFFFD\\p{Cs}]*$' })
const password = Type.String({ minLength: 1, maxLength: 1024, pattern: '^[^\\uFFFD\\p{Cs}]*$' })
const transport = Type.Optional(
  Type.Union([Type.Literal('cookie'), Type.Literal('body')], {
    default: 'cookie',
    description: 'Where the refresh token goes: a cookie for browsers, the body for clients that keep it themselves.',
  }),
)

/** How sessions begin: register, log in, change the password. */
export const signInRoutes: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  const limited = { ...app.limits.perAddress, crossSite: 'always' as const }

  app.post(
    '/auth/register',
    {
      config: limited,
      schema: {
        summary: 'Make an account and sign in to it',
        tags: ['sign-in'],
        body: bodyOf({ email: name, password, transport }),
        response: {
          201: tokenResponseSchema,
          ...errorResponses(
            'invalid_request',
            'cross_site_request',
            'registration_closed',
            'email_taken',
            'invalid_email',
            'password_too_short',
            'password_too_long',
            'password_is_email',
            'password_too_common',
            'rate_limited',
            'busy',
          ),
        },
      },
    },
    async (request, reply) => {
      const { email, password, transport = 'cookie' } = request.body
      const grant = await register(context, { email, password, transport }, callerOf(request))
      reply.code(201)
      return replyWithTokens(reply, grant, transport)
    },
  )

  app.post(
    '/auth/login',
    {
      config: limited,
      schema: {
        summary: 'Sign in with a password',
        description: 'Always opens a new session. An unknown name, a wrong password and a disabled account look alike.',
        tags: ['sign-in'],
        body: bodyOf({ email: Type.Optional(name), username: Type.Optional(name), password, transport }),
        response: {
          200: tokenResponseSchema,
          ...errorResponses(
            'invalid_request',
            'invalid_credentials',
            'cross_site_request',
            'password_change_required',
            'rate_limited',
            'busy',
          ),
        },
      },
    },
    async (request, reply) => {
      const { email, username, password, transport = 'cookie' } = request.body
      if ((email === undefined) === (username === undefined))
        throw new LatchkeyError('invalid_request', { detail: 'Give either email or username.' })
      const grant = await logIn(context, { email, username, password, transport }, callerOf(request))
      return replyWithTokens(reply, grant, transport)
    },
  )

  app.post(
    '/auth/change-password',
    {
      config: limited,
      preValidation: olderSpellings({ oldPassword: 'current_password', newPassword: 'new_password' }),
      schema: {
        summary: 'Set a new password and sign in with it',
        description: 'Ends every session of the account and opens a new one, also at the forced first change.',
        tags: ['sign-in'],
        body: bodyOf({ email: name, current_password: password, new_password: password, transport }),
        response: {
          200: tokenResponseSchema,
          ...errorResponses(
            'invalid_request',
            'invalid_credentials',
            'cross_site_request',
            'password_too_short',
            'password_too_long',
            'password_is_email',
            'password_unchanged',
            'password_too_common',
            'rate_limited',
            'busy',
          ),
        },
      },
    },
    async (request, reply) => {
      const { email, current_password, new_password, transport = 'cookie' } = request.body
      const change = { email, currentPassword: current_password, newPassword: new_password, transport }
      const grant = await changePassword(context, change, callerOf(request))
      return replyWithTokens(reply, grant, transport)
    },
  )
}
