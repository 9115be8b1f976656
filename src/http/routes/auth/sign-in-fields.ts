import type { FastifyRequest } from 'fastify'
import type { Config } from '../../../config/config.js'
import type { AuthContext } from '../../../domain/context.js'
import { endSessionsOfReusedTokens } from '../../../domain/sessions/end-sessions-of-reused-tokens.js'
import { Type } from '../../schemas.js'
import { callerOf } from './token-response.js'

// Long enough for every address and password; the domain refuses what is too long, and gives the reason.
// All bytes that are not UTF-8 arrive as U+FFFD, and half a surrogate pair is stored as U+FFFD, so two different names or
// passwords could become equal. Postgres cannot store NUL.
const BROKEN = 'must not contain broken characters'
const name = Type.String({ minLength: 1, maxLength: 320, pattern: '^[^\\u0000\\uFFFD\\p{Cs}]*$', 'x-message': BROKEN })
const password = Type.String({ minLength: 1, maxLength: 1024, pattern: '^[^\\uFFFD\\p{Cs}]*$', 'x-message': BROKEN })
const remember = Type.Optional(
  Type.Boolean({
    default: true,
    description:
      'False for a shared computer: the cookie ends when the browser is closed, and the session lasts hours, not weeks.',
  }),
)

/**
 * The fields of requests that open a session.
 *
 * @param settings DEFAULT_TRANSPORT is the default of `transport`
 */
export function signInFields({ defaultTransport }: Pick<Config, 'defaultTransport'>) {
  const transport = Type.Optional(
    Type.Union([Type.Literal('cookie'), Type.Literal('body')], {
      default: defaultTransport,
      description:
        'Where the refresh token is returned: a cookie for browsers, the body for clients that store it themselves.',
    }),
  )
  return { name, password, transport, remember }
}

/**
 * A hook of the routes that sign in. If the browser's tickets prove that its refresh token was stolen, it first revokes
 * that session (docs/rotation.md, row 8).
 */
export function endStolenSessions(context: AuthContext) {
  return async (request: FastifyRequest): Promise<void> => {
    const tickets = request.supersededTickets()
    if (tickets.length === 0) return
    const tokens = request.refreshCookies().map(text => ({ text, mark: request.refreshMark(text) }))
    await endSessionsOfReusedTokens(context, { tokens, tickets }, callerOf(request))
  }
}
