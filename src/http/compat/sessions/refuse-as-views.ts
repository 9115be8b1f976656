import type { FastifyInstance } from 'fastify'
import { LatchkeyError } from '../../../lib/errors.js'
import { logRefusal } from '../../plugins/log-refusal.js'
import { toLatchkeyError } from '../../plugins/to-latchkey-error.js'
import { sendRefusal } from '../simple-jwt/send-refusal.js'
import { ACCOUNT_ENDS, NOT_PROVIDED, viewRefusalOf } from '../simple-jwt/view-refusal.js'

/**
 * Has the routes of this instance refuse as views of Django REST framework do: a token that is not good in Simple JWT's
 * words, and everything else as our own problem details with the `detail` that clients of that framework show.
 */
export function refuseAsViews(app: FastifyInstance): void {
  app.addHook('onSend', async (_request, reply) => {
    if (reply.statusCode === 401) reply.header('www-authenticate', 'Bearer realm="api"')
  })
  app.setErrorHandler((thrown, request, reply) => {
    const error = toLatchkeyError(thrown)
    const refusal = viewRefusalOf(error, request.headers.authorization)
    if (refusal === undefined) throw withDetail(error)
    logRefusal(app.log, request, error)
    return sendRefusal(reply, error, refusal)
  })
}

function withDetail(error: LatchkeyError): LatchkeyError {
  if (error.detail !== undefined) return error
  const { account, code, retryAfterSeconds, errors, cause } = error
  const known = code === 'authentication_required' ? NOT_PROVIDED : account && ACCOUNT_ENDS[account].detail
  const detail = known ?? error.message
  return new LatchkeyError(code, { detail, retryAfterSeconds, errors, cause })
}
