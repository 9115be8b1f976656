import type { FastifyInstance } from 'fastify'
import type { AuthContext } from '../../../domain/context.js'
import { formatOf } from './format.js'
import { answerInEnvelopes } from './refusals.js'
import { addSessionRoutes } from './sessions.js'
import { addSignInRoutes } from './sign-in.js'

/**
 * Sign-in and sessions in the format of older systems, `{success, message, data}`, with messages in the language of the
 * caller, over the functions of src/domain; docs/migrating.md describes it. Register it below ENVELOPE_PREFIX. Tokens are
 * in the body and in the header Authorization only: no cookie is set, and none is accepted as a token.
 */
export async function envelopeRoutes(app: FastifyInstance, { context }: { context: AuthContext }): Promise<void> {
  answerInEnvelopes(app, context.config)
  const format = formatOf(app, context)
  addSignInRoutes(app, context, format)
  addSessionRoutes(app, context, format)
}
