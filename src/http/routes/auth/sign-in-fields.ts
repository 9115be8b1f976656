import type { FastifyRequest } from 'fastify'
import type { AuthContext } from '../../../domain/context.js'
import { endOvertakenSessions } from '../../../domain/sessions/end-stolen-sessions.js'
import { Type } from '../../schemas.js'
import { callerOf } from './token-response.js'

// Long enough for any address and any password; the domain says what is too long, and why.
// Bytes that are no UTF-8 arrive as U+FFFD, whatever they were, and half a surrogate pair would be stored as one: two
// names or two passwords would be the same. Postgres keeps no NUL in a text.
const name = Type.String({ minLength: 1, maxLength: 320, pattern: '^[^\\u0000\\uFFFD\\p{Cs}]*$' })
const password = Type.String({ minLength: 1, maxLength: 1024, pattern: '^[^\\uFFFD\\p{Cs}]*$' })
const transport = Type.Optional(
  Type.Union([Type.Literal('cookie'), Type.Literal('body')], {
    default: 'cookie',
    description:
      'Where the refresh token is returned: a cookie for browsers, the body for clients that store it themselves.',
  }),
)
const remember = Type.Optional(
  Type.Boolean({
    default: true,
    description:
      'False for a shared computer: the cookie ends when the browser is closed, and the session lasts hours, not weeks.',
  }),
)

/** The fields of every request that begins a session. */
export const signInFields = { name, password, transport, remember }

/** A hook of the routes that sign in: ends the session of a browser that was overtaken before anything else is done. */
export function endStolenSessions(context: AuthContext) {
  return async (request: FastifyRequest): Promise<void> => {
    const tickets = request.supersededTickets()
    if (tickets.length === 0) return
    const tokens = request.refreshCookies().map(text => ({ text, mark: request.refreshMark(text) }))
    await endOvertakenSessions(context, { tokens, tickets }, callerOf(request))
  }
}
