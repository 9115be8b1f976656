import type { FastifyInstance } from 'fastify'
import { register } from '../../../domain/accounts/register.js'
import type { AuthContext } from '../../../domain/context.js'
import { requestRegistration } from '../../../domain/letters/request-letters.js'
import { logIn } from '../../../domain/login/log-in.js'
import { LatchkeyError } from '../../../lib/errors.js'
import { genuineDevice } from '../../routes/auth/genuine-credentials.js'
import { callerOf } from '../../routes/auth/token-response.js'
import { newPasswordErrors } from '../../schemas.js'
import { success } from './answers.js'
import { hasField, readFields } from './fields.js'
import type { Format } from './format.js'
import { bodyErrors, failures } from './schemas.js'

/** The routes that open a session. */
export function addSignInRoutes(
  app: FastifyInstance,
  context: AuthContext,
  { schemas, describe, limitCountedAs, tokensOf }: Format,
): void {
  app.post(
    '/register',
    {
      config: limitCountedAs('POST /auth/register'),
      schema: describe('envelopeRegister', 'Create an account and sign in', {
        body: schemas.registration,
        response: {
          201: schemas.tokens,
          202: schemas.letter,
          ...failures(
            ...bodyErrors,
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
      }),
    },
    async (request, reply) => {
      const fields = readFields(request.body, REGISTRATION, REMEMBER)
      if (context.config.registration === 'verified') {
        await requestRegistration(context, fields, callerOf(request))
        reply.code(202)
        return success(reply, 'letter_sent', null)
      }
      const grant = await register(context, { ...fields, transport: 'body' }, callerOf(request))
      reply.code(201)
      return success(reply, 'registered', tokensOf(grant))
    },
  )

  app.post(
    '/login',
    {
      config: { ...limitCountedAs('POST /auth/login'), genuine: genuineDevice(context, credentialsOf) },
      schema: describe('envelopeLogIn', 'Sign in with a password', {
        body: schemas.credentials,
        response: {
          200: schemas.tokens,
          ...failures(
            ...bodyErrors,
            'invalid_credentials',
            'password_change_required',
            'too_many_sessions',
            'rate_limited',
            'busy',
          ),
        },
      }),
    },
    async (request, reply) => {
      // The device cookie is no token: it only shows that this browser has signed in to the account before.
      const credentials = { ...credentialsOf(request.body), deviceCookie: request.deviceCookie() }
      const grant = await logIn(context, { ...credentials, transport: 'body' }, callerOf(request))
      return success(reply, 'signed_in', tokensOf(grant))
    },
  )
}

const REGISTRATION = { email: 'name', password: 'password' } as const
const REMEMBER = { remember: 'boolean' } as const

/** Some systems sign in with the e-mail, others with the username. */
function credentialsOf(body: unknown): { email?: string; username?: string; password: string; remember?: boolean } {
  if (!hasField(body, 'username')) return readFields(body, REGISTRATION, REMEMBER)
  if (!hasField(body, 'email')) return readFields(body, { username: 'name', password: 'password' }, REMEMBER)
  throw new LatchkeyError('invalid_request', { errors: [{ field: 'username', message: 'given_twice' }] })
}
