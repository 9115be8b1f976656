import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Principal } from '@latchkey/verifier/core'
import type { FastifyRequest } from 'fastify'
import { register } from '../../../domain/accounts/register.js'
import type { AuthContext } from '../../../domain/context.js'
import { requestRegistration } from '../../../domain/letters/request-letters.js'
import { logIn } from '../../../domain/login/log-in.js'
import { changePassword } from '../../../domain/passwords/change-password.js'
import { verifyAccessToken } from '../../../domain/tokens/verify-access-token.js'
import { fieldError } from '../../../lib/errors.js'
import { recordConcerns } from '../../request-facts.js'
import {
  accessTokenErrors,
  bodyOf,
  errorResponses,
  newPasswordErrors,
  Type,
  tokenResponseSchema,
} from '../../schemas.js'
import { bodyAliases } from './body-aliases.js'
import { genuineDevice } from './genuine-credentials.js'
import { examples } from './sign-in-examples.js'
import { endStolenSessions, signInFields } from './sign-in-fields.js'
import { callerOf, replyWithTokens } from './token-response.js'

/** The routes that open a session: register, sign in, change the password. */
export const signInRoutes: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  const { name, password, transport, remember } = signInFields(context.config)
  const eitherName = Type.Union([
    bodyOf({ email: name, password, transport, remember }),
    bodyOf({ username: name, password, transport, remember }),
  ])
  const limited = { ...app.limits.perAddress, csrf: 'always' as const }

  app.post(
    '/auth/register',
    {
      config: limited,
      preHandler: endStolenSessions(context),
      schema: {
        operationId: 'register',
        summary: 'Create an account and sign in',
        description:
          'With the transport `cookie`, the browser gets the refresh token as a cookie. With `REGISTRATION=verified`, the ' +
          'answer is always 202, and the account exists when the link in a letter to the address was used.',
        tags: ['Sign in'],
        documented: { headers: { 201: ['Set-Cookie'] }, examples: examples.register },
        body: bodyOf({ email: name, password, transport, remember }),
        response: {
          201: tokenResponseSchema,
          202: Type.Null({
            description:
              'With `REGISTRATION=verified`: a letter is sent to the address, whether or not it has an account.',
          }),
          ...errorResponses(
            'invalid_request',
            'cross_site_request',
            'registration_closed',
            'registration_refused',
            'registration_hook_unavailable',
            'email_taken',
            'invalid_email',
            ...newPasswordErrors,
            'rate_limited',
            'busy',
          ),
        },
      },
    },
    async (request, reply) => {
      const { email, password, transport = context.config.defaultTransport, remember } = request.body
      if (context.config.registration === 'verified') {
        await requestRegistration(context, { email, password }, callerOf(request))
        return reply.code(202).header('Cache-Control', 'no-store').send()
      }
      const registration = { email, password, transport, remember, deviceCookie: request.deviceCookie() }
      const grant = await register(context, registration, callerOf(request))
      reply.code(201)
      return replyWithTokens(reply, grant, transport)
    },
  )

  app.post(
    '/auth/login',
    {
      config: { ...limited, genuine: genuineDevice(context, body => body as { email?: string; username?: string }) },
      preHandler: endStolenSessions(context),
      schema: {
        operationId: 'logIn',
        summary: 'Sign in with a password',
        description:
          'Always opens a new session. The answer is the same for an unknown name, a wrong password and a disabled account.',
        tags: ['Sign in'],
        documented: { headers: { 200: ['Set-Cookie'] }, examples: examples.logIn, body: eitherName },
        body: {
          ...bodyOf({ email: Type.Optional(name), username: Type.Optional(name), password, transport, remember }),
          oneOf: [{ required: ['email'] }, { required: ['username'] }],
        },
        response: {
          200: tokenResponseSchema,
          ...errorResponses(
            'invalid_request',
            'invalid_credentials',
            'cross_site_request',
            'password_change_required',
            'too_many_sessions',
            'rate_limited',
            'busy',
          ),
        },
      },
    },
    async (request, reply) => {
      const { email, username, password, transport = context.config.defaultTransport, remember } = request.body
      const credentials = { email, username, password, transport, remember, deviceCookie: request.deviceCookie() }
      const grant = await logIn(context, credentials, callerOf(request))
      return replyWithTokens(reply, grant, transport)
    },
  )

  app.post(
    '/auth/change-password',
    {
      config: {
        ...limited,
        revokes: 'for users',
        genuine: {
          inBody: () => false,
          holderName: 'one user',
          // Counted by the user, because each change opens another session.
          holder: async request => `user:${(await signedInUser(context, request)).userId}`,
        },
      },
      preValidation: bodyAliases({
        currentPassword: 'current_password',
        oldPassword: 'current_password',
        old_password: 'current_password',
        newPassword: 'new_password',
      }),
      preHandler: endStolenSessions(context),
      schema: {
        operationId: 'changePassword',
        summary: 'Change the password and sign in with the new one',
        description:
          'Revokes every session of the account and opens a new one, also when a temporary password is changed. A ' +
          'signed-in user does not need to send `email`.',
        tags: ['Sign in'],
        security: [{}, { bearer: [] }],
        documented: { headers: { 200: ['Set-Cookie'] }, examples: examples.changePassword },
        body: bodyOf({
          email: Type.Optional(name),
          current_password: password,
          new_password: password,
          transport,
          remember: Type.Optional(
            Type.Boolean({
              description: 'As for signing in; by default the value of the current session, if there is one.',
            }),
          ),
        }),
        response: {
          200: tokenResponseSchema,
          ...errorResponses(
            'invalid_request',
            'account_mismatch',
            'invalid_credentials',
            ...accessTokenErrors,
            'cross_site_request',
            ...newPasswordErrors,
            'password_unchanged',
            'rate_limited',
            'busy',
            'store_unavailable',
          ),
        },
      },
    },
    async (request, reply) => {
      const {
        email,
        current_password,
        new_password,
        transport = context.config.defaultTransport,
        remember,
      } = request.body
      const passwords = { currentPassword: current_password, newPassword: new_password }
      const browser = { transport, remember, deviceCookie: request.deviceCookie() }
      const change = { email, getPrincipal: () => signedInUser(context, request), ...passwords, ...browser }
      const grant = await changePassword(context, change, callerOf(request))
      return replyWithTokens(reply, grant, transport)
    },
  )
}

async function signedInUser(context: AuthContext, request: FastifyRequest): Promise<Principal> {
  const token = request.presentedAccessToken()
  if (token === undefined)
    throw fieldError('authentication_required', 'email', 'is required without an access token', {
      detail: 'Without an access token, email is required.',
    })
  const principal = await verifyAccessToken(context, token)
  recordConcerns(request, { userId: principal.userId })
  return principal
}
