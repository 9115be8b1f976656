import type { FastifyRequest } from 'fastify'
import type { AuthContext } from '../../domain/context.js'
import { endOvertakenSessions } from '../../domain/end-overtaken-sessions.js'
import { callerOf } from './token-response.js'

/** A hook of the routes that sign in: ends the session of a browser that was overtaken before anything else is done. */
export function endOvertaken(context: AuthContext) {
  return async (request: FastifyRequest): Promise<void> => {
    const tickets = request.supersededTickets()
    if (tickets.length === 0) return
    const tokens = request.refreshCookies().map(text => ({ text, mark: request.refreshMark(text) }))
    await endOvertakenSessions(context, { tokens, tickets }, callerOf(request))
  }
}
