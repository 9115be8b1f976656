import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { confirmEmailChange, requestEmailChange } from '../../../domain/accounts/change-email.js'
import type { AuthContext } from '../../../domain/context.js'
import { secureAccount } from '../../../domain/letters/not-me.js'
import { requestPasswordReset, requestVerification } from '../../../domain/letters/request-letters.js'
import { verifyEmail } from '../../../domain/letters/verify-email.js'
import { accessTokenErrors, bodyOf, errorResponses, Type } from '../../schemas.js'
import { signInFields } from './sign-in-fields.js'
import { callerOf } from './token-response.js'

const token = Type.String({ minLength: 1, maxLength: 256, description: 'The token from the letter.' })
const exampleOf = (prefix: string) => ({
  letter: { summary: 'With the token from the letter', value: { token: `${prefix}…` } },
})

/** Without a body; `null` would be sent as JSON. */
function accepted(reply: FastifyReply) {
  return reply.code(202).send()
}

/** Letters to the owners of accounts, and what their links do. */
export const letterRoutes: FastifyPluginAsyncTypebox<{ context: AuthContext }> = async (app, { context }) => {
  const { name, password } = signInFields(context.config)
  const limited = { ...app.limits.perAddress, csrf: 'always' as const }
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('Cache-Control', 'no-store')
  })

  app.post(
    '/auth/forgot-password',
    {
      config: limited,
      schema: {
        operationId: 'forgotPassword',
        summary: 'Ask for a link for a new password',
        description:
          'The owner of the account gets a letter. The answer is the same, at the same time, whether or not there is an ' +
          'account with this address.',
        tags: ['Letters'],
        documented: { examples: { forgotten: { summary: 'A user', value: { email: 'ada@example.com' } } } },
        body: bodyOf({ email: name }),
        response: {
          202: Type.Null({ description: 'If there is such an account, its owner gets a letter.' }),
          ...errorResponses('invalid_request', 'cross_site_request', 'rate_limited'),
        },
      },
    },
    async (request, reply) => {
      await requestPasswordReset(context, request.body.email, callerOf(request))
      return accepted(reply)
    },
  )

  app.post(
    '/auth/verify-email',
    {
      config: limited,
      schema: {
        operationId: 'verifyEmail',
        summary: 'Confirm an e-mail address with the token of a letter',
        description:
          'Of an account, or of a registration with `REGISTRATION=verified`, which becomes an account. It opens no ' +
          'session: then let the user sign in.',
        tags: ['Letters'],
        documented: { examples: exampleOf('lk_ve_') },
        body: bodyOf({ token }),
        response: {
          204: Type.Null({ description: 'The address is confirmed.' }),
          ...errorResponses(
            'invalid_request',
            'letter_token_invalid',
            'email_taken',
            'cross_site_request',
            'rate_limited',
            'store_unavailable',
          ),
        },
      },
    },
    async (request, reply) => {
      await verifyEmail(context, request.body.token, callerOf(request))
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/auth/verify-email/resend',
    {
      onRequest: app.authenticate,
      config: limited,
      schema: {
        operationId: 'resendVerification',
        summary: 'Ask for a letter to confirm the e-mail address of the signed-in user',
        description: 'An earlier letter of this kind is no longer valid. If the address is confirmed, nothing is sent.',
        tags: ['Letters'],
        security: [{ bearer: [] }],
        response: {
          202: Type.Null({ description: 'If the address is not confirmed, a letter is sent to it.' }),
          ...errorResponses(
            ...accessTokenErrors,
            'letters_not_sent',
            'cross_site_request',
            'rate_limited',
            'store_unavailable',
          ),
        },
      },
    },
    async (request, reply) => {
      await requestVerification(context, request.principal, callerOf(request))
      return accepted(reply)
    },
  )

  app.post(
    '/auth/email',
    {
      onRequest: app.authenticate,
      config: limited,
      schema: {
        operationId: 'changeEmail',
        summary: 'Ask for a letter to a new e-mail address of the signed-in user',
        description:
          'The account has the new address when the link in the letter is used. If another account has the address, its ' +
          'owner gets a letter that says so, and the answer is the same.',
        tags: ['Letters'],
        security: [{ bearer: [] }],
        documented: {
          examples: {
            change: {
              summary: 'A new address',
              value: { new_email: 'ada.lovelace@example.com', password: 'seven green boats at noon' },
            },
          },
        },
        body: bodyOf({ new_email: name, password }),
        response: {
          202: Type.Null({ description: 'A letter is sent to the new address.' }),
          ...errorResponses(
            'invalid_request',
            ...accessTokenErrors,
            'invalid_credentials',
            'invalid_email',
            'letters_not_sent',
            'cross_site_request',
            'rate_limited',
            'busy',
            'store_unavailable',
          ),
        },
      },
    },
    async (request, reply) => {
      const { new_email, password } = request.body
      const change = { newEmail: new_email, password, deviceCookie: request.deviceCookie() }
      await requestEmailChange(context, request.principal, change, callerOf(request))
      return accepted(reply)
    },
  )

  app.post(
    '/auth/email/confirm',
    {
      config: limited,
      schema: {
        operationId: 'confirmEmail',
        summary: 'Change the e-mail address with the token of the letter to the new one',
        description: 'A letter goes to the old address, with a link that undoes the change.',
        tags: ['Letters'],
        documented: { examples: exampleOf('lk_ce_') },
        body: bodyOf({ token }),
        response: {
          204: Type.Null({ description: 'The account has the new address.' }),
          ...errorResponses(
            'invalid_request',
            'letter_token_invalid',
            'email_taken',
            'username_taken',
            'cross_site_request',
            'rate_limited',
            'store_unavailable',
          ),
        },
      },
    },
    async (request, reply) => {
      await confirmEmailChange(context, request.body.token, callerOf(request))
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/auth/not-me',
    {
      config: { ...limited, revokes: 'for users' },
      schema: {
        operationId: 'reportNotMe',
        summary: 'Secure an account with the token of a notice: “this was not me”',
        description:
          'Revokes every session of the account, makes its password useless, and sends a letter for a new one. A token of ' +
          'a letter about a changed address also gives the account its old address again. With `letters_not_sent` all this is ' +
          'done, but no letter is sent.',
        tags: ['Letters'],
        documented: { examples: exampleOf('lk_nm_') },
        body: bodyOf({ token }),
        response: {
          204: Type.Null({ description: 'Every session is revoked, and a letter for a new password is sent.' }),
          ...errorResponses(
            'invalid_request',
            'letter_token_invalid',
            'letters_not_sent',
            'email_taken',
            'username_taken',
            'cross_site_request',
            'rate_limited',
            'store_unavailable',
          ),
        },
      },
    },
    async (request, reply) => {
      await secureAccount(context, request.body.token, callerOf(request))
      return reply.code(204).send(null)
    },
  )
}
