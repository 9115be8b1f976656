import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import type { AuthContext } from '../../../domain/context.js'
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
  const { name } = signInFields(context.config)
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
          ...errorResponses(...accessTokenErrors, 'cross_site_request', 'rate_limited', 'store_unavailable'),
        },
      },
    },
    async (request, reply) => {
      await requestVerification(context, request.principal, callerOf(request))
      return accepted(reply)
    },
  )
}
